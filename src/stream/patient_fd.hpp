#pragma once
// Streams over the descriptors that a process was given: a pipe whose other end may say nothing, or take nothing, for
// ever. Signals are waited for by a thread of their own, so nothing wakes a read or a write: these look from time to
// time whether the run is to stop.

#include <stop_token>
#include <string>

#include "stream/byte_stream.hpp"

namespace davit::stream {

// Errc::cancelled once it is to stop. The end is what read(2) calls the end, as that of FdSource.
class PatientSource : public ByteSource {
 public:
  // `name` is what errors call it. The descriptor is borrowed.
  PatientSource(int fd, std::string name, std::stop_token stop);
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  int fd_;
  std::string name_;
  std::stop_token stop_;
};

class PatientSink : public ByteSink {
 public:
  PatientSink(int fd, std::string name, std::stop_token stop);
  Result<> write(std::span<const std::byte> bytes) override;
  Result<> finish() override { return {}; }  // the descriptor stays open

 private:
  int fd_;
  std::string name_;
  std::stop_token stop_;
  std::size_t at_once_;  // bytes that a write takes without waiting, once poll(2) says that it may
};

}  // namespace davit::stream
