#include "stream/patient_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "stream/memory_stream.hpp"
#include "support/streams.hpp"
#include "support/temporary_directory.hpp"
#include "util/unique_fd.hpp"

namespace davit::stream {
namespace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    read = UniqueFd(ends[0]);
    write = UniqueFd(ends[1]);
  }
};

TEST_CASE("bytes go through a pipe that is shorter than they are") {
  const std::string text = test::noise(1'000'000);
  Pipe pipe;
  std::stop_source stop;
  Result<> written;
  std::thread writer([&, fd = std::move(pipe.write)]() mutable {
    PatientSink sink(fd.get(), "pipe", stop.get_token());
    written = sink.write(test::bytes_of(text));
    if (written) written = sink.finish();
    fd = UniqueFd();
  });
  PatientSource source(pipe.read.get(), "pipe", stop.get_token());
  const auto got = read_all(source, text.size());
  writer.join();
  CHECK(written);
  CHECK(got == text);
}

TEST_CASE("a pipe that says nothing, or takes nothing, holds nobody who is to stop") {
  Pipe pipe;
  std::stop_source stop;
  std::array<std::byte, 16> into{};
  PatientSource source(pipe.read.get(), "pipe", stop.get_token());
  PatientSink sink(pipe.write.get(), "pipe", stop.get_token());
  const std::jthread stopper([&stop] { stop.request_stop(); });
  CHECK(source.read(into).error().code() == Errc::cancelled);
  CHECK(sink.write(test::bytes_of(std::string(1 << 20, 'x'))).error().code() == Errc::cancelled);
}

TEST_CASE("a pipe is full while it is written, and its writer is told to stop") {
  Pipe pipe;
  std::stop_source stop;
  PatientSink sink(pipe.write.get(), "pipe", stop.get_token());
  std::thread writer;
  Result<> written;
  writer = std::thread([&] { written = sink.write(test::bytes_of(std::string(1 << 20, 'x'))); });
  // As soon as some bytes are there, the writer is at work; it can't get further than the pipe is long.
  std::byte one{};
  CHECK(::read(pipe.read.get(), &one, 1) == 1);
  stop.request_stop();
  writer.join();
  REQUIRE_FALSE(written);
  CHECK(written.error().code() == Errc::cancelled);
}

TEST_CASE("a file is read and written, and a reader that has gone is an error") {
  const test::TemporaryDirectory directory;
  const std::string text = test::noise(3'000'000);
  const std::string path = directory / "file";
  std::stop_source stop;
  {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    PatientSink sink(fd.get(), "file", stop.get_token());
    REQUIRE(sink.write(test::bytes_of(text)));
  }
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  PatientSource source(fd.get(), "file", stop.get_token());
  CHECK(read_all(source, text.size()) == text);
  PatientSink refused(fd.get(), "file", stop.get_token());
  CHECK(refused.write(test::bytes_of("x")).error().message() == "write file: bad file descriptor");
}

}  // namespace
}  // namespace davit::stream
