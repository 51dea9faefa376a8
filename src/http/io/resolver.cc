#include "http/io/resolver.h"

#include <ares.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "http/io/epoll_loop.h"

namespace mainstay::io {
namespace {

// A changed /etc/resolv.conf is noticed by opening a new channel, when no query runs and the one
// in use is this old.
constexpr std::chrono::seconds kChannelAge{60};
constexpr size_t kNameBytesMax = 254;  // with a dot at the end

std::string LowerCase(std::string_view host) {
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return name;
}

bool IsLocalhost(std::string_view name) {
  if (name.ends_with('.')) {
    name.remove_suffix(1);
  }
  return name == "localhost" || name.ends_with(".localhost");
}

bool MayBeName(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
    return c > ' ' && c != 0x7f && c != '%' && c != '/' && c != ':';
  });
}

ResolveResult Literal(std::string_view host) {
  SocketAddress address;
  if (!MakeSocketAddress(host, 0, address)) {
    return {};
  }
  return {.status = ResolveStatus::kOk, .addresses = {address}, .detail = {}};
}

ResolveResult Localhost() {
  // Most local servers listen on IPv4 alone; the other family is the second try of a dial.
  ResolveResult result{.status = ResolveStatus::kOk, .addresses = {}, .detail = {}};
  result.addresses.resize(2);
  MS_CHECK(MakeSocketAddress("127.0.0.1", 0, result.addresses[0]));
  MS_CHECK(MakeSocketAddress("::1", 0, result.addresses[1]));
  return result;
}

}  // namespace

struct Resolver::Entry {
  Resolver* resolver = nullptr;
  std::string name;
  bool running = false;
  bool answered = false;  // is in answered_
  ResolveResult result;
  std::vector<Waiting*> waiting;
};

// One caller that waits for a query.
class Resolver::Waiting final : private Timer, private Cancellable {
 public:
  Waiting(Resolver& resolver, Entry& entry, MonoTime deadline, CancelScope& scope)
      : Timer(resolver.loop_.timers()), entry_(&entry), deadline_(deadline), scope_(scope) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { Leave(); }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) {
    if (scope_.cancelled()) {
      result_.status = ResolveStatus::kCancelled;
      return false;
    }
    waiter_ = waiter;
    entry_->waiting.push_back(this);
    scope_.Attach(*this);
    Timer::Set(deadline_);
    return true;
  }
  ResolveResult await_resume() { return std::move(result_); }

  void Finish(ResolveResult result) {
    result_ = std::move(result);
    Leave();
    std::exchange(waiter_, {}).resume();
  }

 private:
  void Leave() {
    if (!waiter_) {
      return;
    }
    Timer::Clear();
    scope_.Detach();
    std::erase(entry_->waiting, this);
  }
  void OnDeadline() override {
    Finish(
        {.status = ResolveStatus::kTimeout, .addresses = {}, .detail = "name look-up timed out"});
  }
  void Cancel() override {
    Finish({.status = ResolveStatus::kCancelled, .addresses = {}, .detail = {}});
  }

  Entry* entry_;
  MonoTime deadline_;
  CancelScope& scope_;
  std::coroutine_handle<> waiter_;
  ResolveResult result_;
};

// A socket of c-ares in the epoll set.
class Resolver::Socket final : public Pollable {
 public:
  Socket(Resolver& resolver, int fd, uint32_t events) : resolver_(resolver), fd_(fd) {
    resolver_.loop_.Register(fd_, events, *this);
  }
  ~Socket() {
    resolver_.loop_.Unregister(fd_);
    resolver_.loop_.Forget(*this);
  }

  void SetEvents(uint32_t events) { resolver_.loop_.Modify(fd_, events, *this); }

  void OnEvents(uint32_t events) override {
    const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
    const bool readable = broken || (events & EPOLLIN) != 0;
    const bool writable = broken || (events & EPOLLOUT) != 0;
    // Processing may close the socket, and this object with it.
    resolver_.Process(readable ? fd_ : ARES_SOCKET_BAD, writable ? fd_ : ARES_SOCKET_BAD);
  }

 private:
  Resolver& resolver_;
  const int fd_;
};

class Resolver::QueryTimer final : public Timer {
 public:
  explicit QueryTimer(Resolver& resolver) : Timer(resolver.loop_.timers()), resolver_(resolver) {}

 private:
  void OnDeadline() override { resolver_.Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }
  Resolver& resolver_;
};

Resolver::Resolver(EpollLoop& loop, ResolverOptions options)
    : loop_(loop), options_(std::move(options)), timer_(std::make_unique<QueryTimer>(*this)) {
  // Once for all threads: the library counts its users without a lock. It holds nothing that would
  // have to be given back.
  static const int initialised = ares_library_init(ARES_LIB_INIT_ALL);
  MS_CHECK(initialised == ARES_SUCCESS);
}

Resolver::~Resolver() {
  CloseChannel();
  for (const auto& [name, entry] : entries_) {
    MS_CHECK(entry->waiting.empty());
  }
}

bool Resolver::OpenChannel() {
  if (channel_ != nullptr && (running_ > 0 || loop_.now() - channel_opened_ < kChannelAge)) {
    return true;
  }
  CloseChannel();
  ares_options options{};
  options.timeout = static_cast<int>(options_.try_timeout.count());
  options.tries = options_.tries;
  char lookups[] = "fb";  // /etc/hosts, then the name servers
  options.lookups = lookups;
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<Resolver*>(self)->OnSocketState(fd, readable, writable);
  };
  options.sock_state_cb_data = this;
  const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
  if (ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) {
    channel_ = nullptr;
    return false;
  }
  if (!options_.servers.empty() &&
      ares_set_servers_ports_csv(channel_, options_.servers.c_str()) != ARES_SUCCESS) {
    CloseChannel();
    return false;
  }
  channel_opened_ = loop_.now();
  return true;
}

void Resolver::CloseChannel() {
  if (channel_ != nullptr) {
    ares_destroy(std::exchange(channel_, nullptr));
  }
  sockets_.clear();
}

void Resolver::OnSocketState(int fd, int readable, int writable) {
  const uint32_t events = (readable != 0 ? EPOLLIN : 0U) | (writable != 0 ? EPOLLOUT : 0U);
  if (events == 0) {
    sockets_.erase(fd);
    return;
  }
  std::unique_ptr<Socket>& socket = sockets_[fd];
  if (socket) {
    socket->SetEvents(events);
  } else {
    socket = std::make_unique<Socket>(*this, fd, events);
  }
}

void Resolver::Process(int readable_fd, int writable_fd) {
  if (channel_ != nullptr) {
    ares_process_fd(channel_, readable_fd, writable_fd);
  }
  ResumeAnswered();
  SetTimer();
}

void Resolver::SetTimer() {
  timeval wait{};
  if (!answered_.empty()) {
    timer_->Set(loop_.now());
  } else if (channel_ != nullptr && ares_timeout(channel_, nullptr, &wait) != nullptr) {
    timer_->Set(loop_.now() + std::chrono::seconds(wait.tv_sec) +
                std::chrono::microseconds(wait.tv_usec));
  } else {
    timer_->Clear();
  }
}

void Resolver::OnAnswer(Entry& entry, int status, ares_addrinfo* answer) {
  --running_;
  entry.running = false;
  entry.result = {};
  std::chrono::milliseconds ttl = options_.failure_ttl;
  if (status == ARES_SUCCESS) {
    ttl = options_.ttl_max;
    for (const ares_addrinfo_node* node = answer->nodes; node != nullptr; node = node->ai_next) {
      ttl =
          std::min<std::chrono::milliseconds>(ttl, std::chrono::seconds(std::max(node->ai_ttl, 0)));
      const bool known = node->ai_family == AF_INET || node->ai_family == AF_INET6;
      if (known && entry.result.addresses.size() < kAddressesMax) {
        SocketAddress& address = entry.result.addresses.emplace_back();
        std::memcpy(&address.storage, node->ai_addr, node->ai_addrlen);
        address.size = node->ai_addrlen;
      }
    }
    ttl = std::max(ttl, options_.ttl_min);
  }
  if (!entry.result.addresses.empty()) {
    entry.result.status = ResolveStatus::kOk;
  } else {
    const bool none = status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA;
    entry.result.status = none ? ResolveStatus::kNotFound : ResolveStatus::kFailed;
    entry.result.detail = status == ARES_SUCCESS ? "no address" : ares_strerror(status);
    ttl = options_.failure_ttl;
  }
  if (answer != nullptr) {
    ares_freeaddrinfo(answer);
  }
  entry.result.expires = loop_.now() + ttl;
  if (!std::exchange(entry.answered, true)) {
    answered_.push_back(&entry);
  }
}

void Resolver::ResumeAnswered() {
  // A resumed caller may start a query, and so add to the list, or cancel another that waits.
  while (!answered_.empty()) {
    Entry& entry = *answered_.back();
    if (entry.waiting.empty()) {
      entry.answered = false;
      answered_.pop_back();
    } else {
      entry.waiting.front()->Finish(entry.result);
    }
  }
}

bool Resolver::MakeRoom() {
  if (entries_.size() < options_.entries_max) {
    return true;
  }
  const auto removable = [](const Entry& entry) { return !entry.running && !entry.answered; };
  std::erase_if(entries_, [&](const auto& item) {
    return removable(*item.second) && item.second->result.expires <= loop_.now();
  });
  if (entries_.size() < options_.entries_max) {
    return true;
  }
  const auto victim =
      std::ranges::find_if(entries_, [&](const auto& item) { return removable(*item.second); });
  if (victim == entries_.end()) {
    return false;
  }
  entries_.erase(victim);
  return true;
}

Resolver::Entry* Resolver::StartQuery(const std::string& name) {
  std::unique_ptr<Entry>& slot = entries_[name];
  if (!slot) {
    slot = std::make_unique<Entry>();
    slot->resolver = this;
    slot->name = name;
  }
  Entry& entry = *slot;
  entry.running = true;
  ++running_;
  ++queries_;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // The answer may come before this returns, from /etc/hosts for example. c-ares is not to be
  // entered again from its own callbacks; so they only take notes, and waiters run afterwards.
  ares_getaddrinfo(
      channel_, name.c_str(), nullptr, &hints,
      [](void* argument, int status, int, ares_addrinfo* answer) {
        auto* asked = static_cast<Entry*>(argument);
        asked->resolver->OnAnswer(*asked, status, answer);
      },
      &entry);
  return &entry;
}

Task<ResolveResult> Resolver::Resolve(std::string host, MonoTime deadline, CancelScope& scope) {
  if (ResolveResult literal = Literal(host); literal.status == ResolveStatus::kOk) {
    co_return literal;
  }
  const std::string name = LowerCase(host);
  if (IsLocalhost(name)) {
    co_return Localhost();
  }
  if (!MayBeName(name)) {
    co_return ResolveResult{
        .status = ResolveStatus::kNotFound, .addresses = {}, .detail = "not a host name"};
  }
  const auto found = entries_.find(name);
  Entry* entry = found == entries_.end() ? nullptr : found->second.get();
  if (entry != nullptr && !entry->running && loop_.now() < entry->result.expires) {
    co_return entry->result;
  }
  if (entry == nullptr || !entry->running) {
    if ((entry == nullptr && !MakeRoom()) || !OpenChannel()) {
      co_return ResolveResult{
          .status = ResolveStatus::kFailed, .addresses = {}, .detail = "no room for a query"};
    }
    entry = StartQuery(name);
    SetTimer();
    if (!entry->running) {
      co_return entry->result;
    }
  }
  co_return co_await Waiting(*this, *entry, deadline, scope);
}

}  // namespace mainstay::io
