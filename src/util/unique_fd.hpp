#pragma once
// Owner of a file descriptor.

#include <utility>

namespace davit {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  // Closes what is held. An error of close() is lost: whoever must know it calls close_checked().
  void reset(int fd = -1) noexcept;
  // Closes and returns 0 or the errno of close(); the descriptor is gone either way.
  [[nodiscard]] int close_checked();

 private:
  int fd_ = -1;
};

}  // namespace davit
