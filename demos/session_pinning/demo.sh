#!/usr/bin/env bash
# Starts the gateway with config.yaml unless one listens there, and runs demo.mjs. What the
# variables mean is in README.md.
set -euo pipefail

binary=${MAINSTAY_BINARY:+$(realpath "$MAINSTAY_BINARY")}
cd "$(dirname "${BASH_SOURCE[0]}")"
binary=${binary:-../../build/release/mainstay}
export DEMO_LISTEN=${DEMO_LISTEN:-127.0.0.1:12000}
export DEMO_ADMIN_LISTEN=${DEMO_ADMIN_LISTEN:-127.0.0.1:12001}
gateway=
log=$(mktemp)

serves() { curl -fs -o /dev/null "http://$DEMO_LISTEN/readyz"; }

stop() {
  [ -z "$gateway" ] || kill "$gateway" 2>/dev/null || true
  rm -f "$log"
}
trap stop EXIT

if ! serves; then
  if [ ! -x "$binary" ]; then
    echo "demo.sh: there is no gateway at $binary; run ./dev build, or set MAINSTAY_BINARY" >&2
    exit 1
  fi
  "$binary" serve -c config.yaml >"$log" 2>&1 &
  gateway=$!
  until serves; do
    if ! kill -0 "$gateway" 2>/dev/null; then
      cat "$log" >&2
      exit 1
    fi
    sleep 0.05
  done
fi

if [ ! -d node_modules/openai ]; then
  npm ci --no-audit --no-fund --silent
fi
MAINSTAY_URL=http://$DEMO_LISTEN/v1 MAINSTAY_ADMIN_URL=http://$DEMO_ADMIN_LISTEN node demo.mjs
