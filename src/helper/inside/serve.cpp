#include "helper/inside/serve.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "helper/channel/handshake.hpp"
#include "helper/inside/own_streams.hpp"
#include "helper/inside/worker.hpp"
#include "util/log.hpp"
#include "util/signal_stop.hpp"
#include "util/whole_file.hpp"

namespace davit::helper {

namespace {

struct Arguments {
  std::string socket;   // empty: only the attached streams
  std::string secrets;  // path of the file
  std::string create;   // name of the directory in the place to work on, made where it is missing
  std::string place = kPlacePath;
};

Result<Arguments> parse_arguments(const std::vector<std::string>& arguments) {
  Arguments parsed;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    std::string* value = arguments[i] == "--socket"    ? &parsed.socket
                         : arguments[i] == "--secrets" ? &parsed.secrets
                         : arguments[i] == "--create"  ? &parsed.create
                         : arguments[i] == "--place"   ? &parsed.place
                                                       : nullptr;
    if (value == nullptr || i + 1 == arguments.size()) {
      return fail(Errc::usage, "helper: unknown or unfinished argument: " + arguments[i],
                  "this command is for davit itself, which starts it in a container");
    }
    *value = arguments[i + 1];
  }
  return parsed;
}

// The directory to work on. One that is made here goes again, unless a restore is finished in it.
class WorkPlace {
 public:
  WorkPlace() = default;
  WorkPlace(WorkPlace&&) = delete;
  ~WorkPlace() { forget(); }

  [[nodiscard]] Result<> open(const Arguments& arguments) {
    parent_.reset(::open(arguments.place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent_) return fail_errno(errno, "open the place");
    if (arguments.create.empty()) return {};
    const char* name = arguments.create.c_str();
    if (::mkdirat(parent_.get(), name, 0755) == 0)
      made_ = arguments.create;
    else if (errno != EEXIST)
      return fail_errno(errno, "make the directory " + arguments.create);
    child_.reset(::openat(parent_.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!child_) return fail_errno(errno, "open the directory " + arguments.create);
    // Whatever the umask of the image is.
    if (!made_.empty() && ::fchmod(child_.get(), 0755) != 0)
      return fail_errno(errno, "set the mode of " + arguments.create);
    return {};
  }

  [[nodiscard]] int directory() const { return child_ ? child_.get() : parent_.get(); }

  void forget() {
    // Goes only if it is empty, so nothing of anybody else's can.
    if (!made_.empty()) ::unlinkat(parent_.get(), std::exchange(made_, {}).c_str(), AT_REMOVEDIR);
  }
  [[nodiscard]] Result<> keep() {
    if (std::exchange(made_, {}).empty()) return {};
    if (::fsync(parent_.get()) != 0) return fail_errno(errno, "sync the directory above the place");
    return {};
  }

 private:
  UniqueFd parent_;
  UniqueFd child_;
  std::string made_;
};

Result<Secrets> read_secrets(const std::string& path) {
  TRY_ASSIGN(text, read_whole_file(path, 4096));
  return parse_secrets(text);
}

Result<std::unique_ptr<Link>> greet_over_socket(const Arguments& arguments, std::stop_token stop) {
  TRY_ASSIGN(secrets, read_secrets(arguments.secrets));
  TRY_ASSIGN(channel, connect_abstract(arguments.socket));
  auto link = std::make_unique<Link>(std::move(channel));
  link->channel().set_stop(std::move(stop));
  TRY(greet_davit(*link, secrets));
  return link;
}

Result<std::unique_ptr<Link>> greet_over_streams(std::stop_token stop) {
  TRY_ASSIGN(link, link_over_own_streams(std::move(stop)));
  TRY(greet_davit(*link, {}));
  return link;
}

Result<std::unique_ptr<Link>> greet(const Arguments& arguments, const std::stop_token& stop) {
  if (!arguments.socket.empty()) {
    auto link = greet_over_socket(arguments, stop);
    if (link || link.error().code() == Errc::credentials) return link;
    log_warning(link.error().message() + "; speaking over the attached streams");
  }
  return greet_over_streams(stop);
}

}  // namespace

Result<> serve(const std::vector<std::string>& arguments) {
  TRY_ASSIGN(parsed, parse_arguments(arguments));
  // Before any thread exists, so that none takes these signals instead.
  TRY_ASSIGN(signals, SignalStop::install());
  // Before davit hears of us: what is wrong here is then the reason why its helper did not start.
  WorkPlace place;
  TRY(place.open(parsed));
  TRY_ASSIGN(link, greet(parsed, signals->token()));
  Worker worker(*link, place.directory(), signals->token());
  auto ended = worker.run();
  // Before the channel ends: whoever sees its end may remove this container at once.
  if (worker.restored()) {
    TRY(place.keep());
  } else {
    place.forget();
  }
  return ended;
}

}  // namespace davit::helper
