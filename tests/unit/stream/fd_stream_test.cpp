#include "stream/fd_stream.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "support/streams.hpp"

using namespace davit;
using namespace davit::stream;
using namespace davit::test;

namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    in = UniqueFd(ends[0]);
    out = UniqueFd(ends[1]);
  }
  UniqueFd in;
  UniqueFd out;
};

}  // namespace

TEST_CASE("what goes into a pipe comes out of it, signals or not") {
  // A handler without SA_RESTART, so that read and write are interrupted with nothing and with something done.
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = [](int) {};
  REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);

  const std::string text = noise(8 << 20);
  Pipe pipe;
  std::atomic<bool> written = false;
  Result<std::uint64_t> copied;
  std::thread writer([&] {
    MemorySource source(bytes_of(text));
    FdSink sink(std::move(pipe.out), "pipe");
    copied = copy(source, sink);
    written = true;
  });
  std::thread pest([&, reader = ::pthread_self(), target = writer.native_handle()] {
    while (!written) {
      ::pthread_kill(target, SIGUSR1);
      ::pthread_kill(reader, SIGUSR1);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  FdSource source(pipe.in.get(), "pipe");
  const auto got = read_all(source, text.size());
  pest.join();
  writer.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  REQUIRE(got);
  CHECK((*got == text));
  CHECK(copied == text.size());
}

TEST_CASE("finish closes an owned descriptor and leaves a borrowed one") {
  Pipe pipe;
  FdSink borrowed(pipe.out.get(), "pipe");
  REQUIRE(borrowed.finish());
  CHECK(::fcntl(pipe.out.get(), F_GETFD) != -1);
  const int number = pipe.out.get();
  FdSink owned(std::move(pipe.out), "pipe");
  REQUIRE(owned.finish());
  CHECK(::fcntl(number, F_GETFD) == -1);
  std::array<std::byte, 4> buffer{};
  CHECK(FdSource(std::move(pipe.in), "pipe").read(buffer) == 0U);
}

TEST_CASE("errors of descriptors name what it was") {
  std::array<std::byte, 4> buffer{};
  auto source = FdSource(UniqueFd(::open("/dev/null", O_WRONLY)), "the null device");
  const auto read = source.read(buffer);
  REQUIRE_FALSE(read);
  CHECK(read.error().message() == "read the null device: bad file descriptor");

  FdSink full(UniqueFd(::open("/dev/full", O_WRONLY)), "backup.tar");
  const auto written = full.write(bytes_of("x"));
  REQUIRE_FALSE(written);
  CHECK(written.error().message() == "write backup.tar: no space left on device");
  CHECK_FALSE(written.error().hint().empty());
}
