"""The two proxies that are compared, each configured for the same job, and how to start them."""

import dataclasses
import json
import os
import pathlib

from processes import BenchError, Process, cores, free_ports, wait_ready

# nginx at its best for this job: no log, no disk, connections kept on both sides for ever. The
# second server is the first without response buffering; streams go there, because nginx cannot tell
# from the path whether an answer will be one.
#
# A buffer for heads that holds a whole 64 KB request is more than an operator would set, but then
# head and body come in one read, which saves nginx a fifth of its CPU at 64 KB and costs nothing at
# 4 KB. The usual size, enough for a 4 KB chat in one read, is the default of the comparison;
# --nginx-head-buffer 80k asks for the other.
USUAL_HEAD_BUFFER = "8k"
NGINX_CONFIG = """\
worker_processes {workers};
daemon off;
master_process {master};
{user}
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log crit;
worker_rlimit_nofile 65536;
events {{ worker_connections 8192; use epoll; }}
http {{
  access_log off;
  tcp_nodelay on;
  server_tokens off;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  client_header_buffer_size {head_buffer};
  client_body_buffer_size 256k;
  client_max_body_size 32m;
  client_body_temp_path {folder}/client_body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream origin {{
    hash $http_x_session_id consistent;
    server 127.0.0.1:{origin};
    keepalive 64;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
  }}
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_buffer_size 8k;
  proxy_max_temp_file_size 0;
  proxy_read_timeout 300s;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /readyz {{ return 200; }}
    location / {{ proxy_pass http://origin; }}
  }}
  server {{
    listen 127.0.0.1:{stream_port} backlog=4096;
    location / {{ proxy_pass http://origin; proxy_buffering off; }}
  }}
}}
"""


# What mainstay's router says about every conversation, so that the first request of each session
# makes a pin and all others hit it. It is a process of its own, as a router model is.
ROUTER_SCRIPT = {"rules": [{"match": {}, "actions": [{"text": '{"route":"bench"}'}]}]}
PREFERENCES = [{"name": "bench", "description": "everything", "models": ["p/bench-model"]}]


@dataclasses.dataclass
class Running:
    """A proxy that answers. `process` ends it; `port` takes chats, `stream_port` streams."""

    kind: str
    process: Process
    port: int
    stream_port: int
    router: Process = None  # mainstay's, not among its figures

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()
        if self.router is not None:
            self.router.stop()


@dataclasses.dataclass
class Proxy:
    """A proxy to measure: what to start and how to configure it.

    `config` is merged into mainstay's configuration, section by section; nginx has no use for it.
    `head_buffer` is nginx's client_header_buffer_size.
    """

    kind: str  # mainstay | nginx
    binary: str
    config: dict = dataclasses.field(default_factory=dict)
    head_buffer: str = USUAL_HEAD_BUFFER

    def start(self, folder, origin_port, on_cores, workers=1, wrapper=(), ready_timeout_s=20):
        """Starts it and waits until it is ready. `folder` is its own and exists afterwards;
        `wrapper` is a command such as valgrind in front of it: then nginx is one process."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True)
        port, other_port, router_port = free_ports(3)
        router = None
        if self.kind == "nginx":
            path = folder / "nginx.conf"
            path.write_text(NGINX_CONFIG.format(
                workers=workers, master="off" if wrapper else "on", folder=folder,
                user="user root;" if os.geteuid() == 0 else "", origin=origin_port, port=port,
                stream_port=other_port, head_buffer=self.head_buffer))
            command = [self.binary, "-e", folder / "nginx-error.log", "-p", folder, "-c", path]
            stream_port = other_port
        else:
            path = folder / "mainstay.json"
            path.write_text(json.dumps(
                self._mainstay_config(folder, origin_port, port, other_port, router_port, workers),
                indent=1))
            command = [self.binary, "serve", "-c", path]
            stream_port = port
            router = self._start_router(folder, router_port)
        process = Process([*wrapper, *command], folder / "log", on_cores)
        try:
            wait_ready(process, port, ready_timeout_s)
        except BaseException:
            process.stop(5)
            if router is not None:
                router.stop(5)
            raise
        return Running(self.kind, process, port, stream_port, router)

    def _start_router(self, folder, port):
        script = folder / "router.json"
        script.write_text(json.dumps(ROUTER_SCRIPT))
        command = [self.binary, "fake-provider", "--listen", f"127.0.0.1:{port}", "--script", script]
        return Process(command, folder / "router.log", cores()[1])

    def _mainstay_config(self, folder, origin_port, port, admin_port, router_port, workers):
        config = {
            "version": 1,
            "server": {"listen": f"127.0.0.1:{port}", "admin_listen": f"127.0.0.1:{admin_port}",
                       "workers": workers},
            "providers": [{"name": "p", "protocol": "openai_chat",
                           "base_url": f"http://127.0.0.1:{origin_port}/v1",
                           "accounts": [{"alias": "a", "api_key": "k"}]}],
            "models": [{"name": "p/bench-model", "provider": "p",
                        "upstream_name": "bench-model-upstream"}],
            "routing": {"preferences": PREFERENCES,
                        "router": {"base_url": f"http://127.0.0.1:{router_port}/v1"}},
            "state": {"engine": "sqlite", "path": str(folder / "state")},
            "telemetry": {"metrics": True, "log_level": "info"},
        }
        for section, values in self.config.items():
            config[section] = merged(config.get(section, {}), values)
        return config


def merged(base, extra):
    """`extra` over `base`, mapping by mapping."""
    if not (isinstance(base, dict) and isinstance(extra, dict)):
        return extra
    return {key: merged(base[key], extra[key]) if key in base and key in extra
            else extra.get(key, base.get(key)) for key in {**base, **extra}}


def add_arguments(parser):
    """The arguments that say what to measure and where the tools are."""
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--binary", default=str(root / "build/release/mainstay"),
                        help="the proxy under test (default: %(default)s)")
    parser.add_argument("--as", dest="kind", choices=["mainstay", "nginx"], default="mainstay",
                        help="how to configure --binary; nginx checks the benchmark itself")
    parser.add_argument("--tools", help="folder of `load` and `origin` (default: beside the binary "
                                        "or in build/bench/bench)")
    parser.add_argument("--config", metavar="FILE",
                        help="JSON that is merged into mainstay's configuration, for what-ifs")


def proxy_of(arguments):
    config = {}
    if arguments.config:
        config = json.loads(pathlib.Path(arguments.config).read_text())
    if not os.access(arguments.binary, os.X_OK):
        raise BenchError(f"{arguments.binary} is not there; build it: ./dev build release")
    return Proxy(arguments.kind, arguments.binary, config)
