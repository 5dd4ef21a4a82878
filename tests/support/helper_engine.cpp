#include "support/helper_engine.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "helper/inside/serve.hpp"
#include "util/unique_fd.hpp"

namespace davit::test {

namespace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
  Pipe() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) std::abort();
    read.reset(fds[0]);
    write.reset(fds[1]);
  }
};

// davit's ends of a process's pipes. Like the Engine's, the stream ends when both outputs have.
class PipeStream : public engine::AttachedStream {
 public:
  PipeStream(std::function<bool()> dead, UniqueFd in, UniqueFd out, UniqueFd err)
      : dead_(std::move(dead)), in_(std::move(in)), fds_{std::move(out), std::move(err)} {}

  Result<std::optional<Output>> next(std::optional<std::chrono::steady_clock::time_point> deadline) override {
    TRY(still_there());
    while (fds_[0] || fds_[1]) {
      std::array<pollfd, 2> polled{};
      for (std::size_t i = 0; i < 2; ++i) polled[i] = {.fd = fds_[i].get(), .events = POLLIN, .revents = 0};
      int wait = -1;
      if (deadline) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
        wait = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
      }
      const int ready = ::poll(polled.data(), polled.size(), wait);
      if (ready == 0) return fail(Errc::unavailable, "attached stream: timed out");
      for (std::size_t i = 0; i < 2; ++i) {
        if (ready < 0 || polled[i].revents == 0) continue;
        const ssize_t got = ::read(fds_[i].get(), buffer_.data(), buffer_.size());
        if (got > 0) {
          return Output{i == 0 ? Kind::out : Kind::err,
                        std::as_bytes(std::span(buffer_)).first(static_cast<std::size_t>(got))};
        }
        fds_[i].reset();
      }
    }
    return std::nullopt;
  }

  Result<> write(std::span<const std::byte> bytes, std::stop_token) override {
    TRY(still_there());
    while (!bytes.empty()) {
      const ssize_t put = ::write(in_.get(), bytes.data(), bytes.size());
      if (put < 0) return fail_errno(errno, "write to stdin");
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }
  Result<> close_write() override {
    in_.reset();
    return {};
  }

 private:
  Result<> still_there() {
    if (!dead_()) return {};
    in_.reset();
    for (UniqueFd& fd : fds_) fd.reset();
    return fail(Errc::unavailable, "attached stream: davit is dead");
  }

  std::function<bool()> dead_;
  UniqueFd in_;
  std::array<UniqueFd, 2> fds_;
  std::array<char, 65536> buffer_{};
};

// The contents of a file in an uncompressed tar with short names.
std::string file_in_tar(std::string_view tar, std::string_view name) {
  while (tar.size() >= 512 && tar[0] != '\0') {
    const std::string_view own(tar.data());
    const auto size = std::strtoull(tar.data() + 124, nullptr, 8);
    if (own == name) return std::string(tar.substr(512, size));
    tar.remove_prefix(std::min<std::size_t>(tar.size(), 512 + (size + 511) / 512 * 512));
  }
  return {};
}

}  // namespace

struct HelperEngine::Process {
  engine::ContainerId id;
  std::vector<std::string> arguments;
  std::string place;
  std::string secrets;
  Pipe in;
  Pipe out;
  Pipe err;
  std::mutex mutex;
  std::condition_variable changed;
  pid_t pid = -1;
  bool ended = false;
  std::thread waiter;
};

HelperEngine::HelperEngine() {
  std::signal(SIGPIPE, SIG_IGN);
  on_start = [this](const engine::ContainerInfo& info) { return start_helper(info); };
  on_attach = [this](const engine::ContainerInfo& info) -> Result<std::unique_ptr<engine::AttachedStream>> {
    Process* process = find(info.id);
    if (process == nullptr) return fail(Errc::failed, "attach: no helper");
    return std::make_unique<PipeStream>([this] { return dead(); }, std::move(process->in.write),
                                        std::move(process->out.read), std::move(process->err.read));
  };
}

HelperEngine::~HelperEngine() {
  for (const auto& process : processes_) end(*process, SIGKILL);
}

HelperEngine::Process* HelperEngine::find(const engine::ContainerId& id) {
  const engine::ContainerId whole = id_of(id.value);
  for (const auto& process : processes_) {
    if (process->id == whole) return process.get();
  }
  return nullptr;
}

Result<engine::ContainerId> HelperEngine::create_container(const std::string& name, const nlohmann::json& body) {
  if (body.value("/Labels/davit.role"_json_pointer, "") != "helper") return FakeEngine::create_container(name, body);
  const auto& host = body.at("HostConfig");
  if (!only_network.empty() && host.at("NetworkMode") != only_network) {
    return fail(Errc::failed, "create container: cannot share the host's network namespace");
  }
  const auto& mount = host.at("Mounts").at(0);
  if (mount.at("Type") == "bind" && !std::filesystem::exists(mount.at("Source").get<std::string>())) {
    return fail(Errc::failed,
                "create container: invalid mount config for type \"bind\": bind source path does not exist: " +
                    mount.at("Source").get<std::string>());
  }
  auto id = FakeEngine::create_container(name, body);
  if (!id) return id;
  auto process = std::make_unique<Process>();
  process->id = *id;
  process->arguments = body.at("Cmd").get<std::vector<std::string>>();
  process->place = mount.at("Type") == "bind" ? mount.at("Source").get<std::string>()
                                              : volume_directory(mount.at("Source").get<std::string>())->string();
  processes_.push_back(std::move(process));
  return id;
}

Result<> HelperEngine::put_archive(const engine::ContainerId& id, const std::string& path, std::string_view tar) {
  TRY(FakeEngine::put_archive(id, path, tar));
  if (Process* process = find(id)) process->secrets = file_in_tar(tar, "secrets");
  return {};
}

Result<> HelperEngine::start_helper(const engine::ContainerInfo& info) {
  Process* process = find(info.id);
  if (process == nullptr) return {};
  std::vector<std::string> arguments;
  for (std::size_t i = 1; i < process->arguments.size(); i += 2) {
    std::string value = process->arguments[i + 1];
    if (process->arguments[i] == "--socket" && !reachable) value = "davit-test-nobody-listens";
    if (process->arguments[i] == "--secrets") {
      value = (secrets_.path() / info.name).string();
      write_file(value, process->secrets);
    }
    arguments.insert(arguments.end(), {process->arguments[i], value});
  }
  arguments.insert(arguments.end(), {"--place", process->place});
  process->pid = ::fork();
  if (process->pid < 0) return fail_errno(errno, "fork");
  if (process->pid == 0) run_child(*process, arguments);
  process->in.read.reset();
  process->out.write.reset();
  process->err.write.reset();
  process->waiter = std::thread([this, process] {
    int status = 0;
    while (::waitpid(process->pid, &status, 0) < 0 && errno == EINTR) {
    }
    finish_container(process->id, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    const std::scoped_lock lock(process->mutex);
    process->ended = true;
    process->changed.notify_all();
  });
  return {};
}

void HelperEngine::run_child(Process& process, const std::vector<std::string>& arguments) {
  ::dup2(process.in.read.get(), STDIN_FILENO);
  ::dup2(process.out.write.get(), STDOUT_FILENO);
  ::dup2(process.err.write.get(), STDERR_FILENO);
  // A container has none of the test's descriptors: another helper's pipe that stays open here would hide its end.
  ::close_range(3, ~0U, 0);
  int code = 3;
  if (!impostor.empty()) {
    [[maybe_unused]] const auto put = ::write(STDOUT_FILENO, impostor.data(), impostor.size());
  } else {
    const auto served = helper::serve(arguments);
    const std::string line = served ? "" : "error: " + served.error().message() + "\n";
    [[maybe_unused]] const auto put = ::write(STDERR_FILENO, line.data(), line.size());
    code = served ? 0 : 1;
  }
  ::_exit(code);
}

void HelperEngine::end(Process& process, int signal) {
  if (process.pid > 0 && process.waiter.joinable()) {
    {
      std::unique_lock lock(process.mutex);
      if (!process.ended) ::kill(process.pid, signal);
      if (signal == SIGTERM &&
          !process.changed.wait_for(lock, std::chrono::seconds(20), [&] { return process.ended; })) {
        ::kill(process.pid, SIGKILL);
      }
    }
    process.waiter.join();
  }
}

Result<> HelperEngine::stop_container(const engine::ContainerId& id, std::optional<std::chrono::seconds> grace) {
  if (Process* process = find(id); process != nullptr && next_has_effect()) end(*process, SIGTERM);
  return FakeEngine::stop_container(id, grace);
}

Result<> HelperEngine::remove_container(const engine::ContainerId& id, bool volumes) {
  if (Process* process = find(id); process != nullptr && next_has_effect()) end(*process, SIGKILL);
  return FakeEngine::remove_container(id, volumes);
}

void HelperEngine::kill_helper() { end(*processes_.back(), SIGKILL); }

std::vector<std::string> HelperEngine::arguments() const { return processes_.back()->arguments; }

std::vector<std::string> HelperEngine::helper_names() const {
  std::vector<std::string> names;
  for (const std::string& name : container_names()) {
    if (name.starts_with("davit-helper-")) names.push_back(name);
  }
  return names;
}

}  // namespace davit::test
