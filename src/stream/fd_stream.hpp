#pragma once
// Streams over blocking file descriptors: files, pipes, sockets. The end of a source is what read(2) calls the end, so
// it is as verified as the kernel makes it: a pipe or socket needs a protocol or a digest above it that knows the
// length.

#include <string>

#include "stream/byte_stream.hpp"
#include "util/unique_fd.hpp"

namespace davit::stream {

class FdSource : public ByteSource {
 public:
  // `name` is what errors call it: "read backup.tar: input/output error". The descriptor is borrowed, or owned.
  FdSource(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  FdSource(UniqueFd fd, std::string name) : owned_(std::move(fd)), fd_(owned_.get()), name_(std::move(name)) {}
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  UniqueFd owned_;
  int fd_;
  std::string name_;
};

class FdSink : public ByteSink {
 public:
  FdSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  FdSink(UniqueFd fd, std::string name) : owned_(std::move(fd)), fd_(owned_.get()), name_(std::move(name)) {}
  Result<> write(std::span<const std::byte> bytes) override;
  // Closes an owned descriptor and reports what close(2) says; does nothing to a borrowed one. Never fsyncs.
  Result<> finish() override;

 private:
  UniqueFd owned_;
  int fd_;
  std::string name_;
};

}  // namespace davit::stream
