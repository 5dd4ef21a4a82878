#pragma once
// Tars as PostgreSQL and GNU write them: a plain header for each member, without one of pax before it.

#include <format>
#include <numeric>
#include <string>
#include <string_view>

namespace davit::test {

struct UstarOwner {
  std::string user = "0001750";
  std::string group = "0001750";
  std::string magic = std::string(
      "ustar\0"
      "00",
      8);
};

// The member, without an end behind it.
inline std::string ustar_member(const std::string& name, const std::string& data, const UstarOwner& owner = {},
                                char type = '0') {
  constexpr std::size_t kBlock = 512;
  constexpr std::size_t kSumAt = 148;
  std::string header(kBlock, '\0');
  const auto put = [&header](std::size_t at, const std::string& text) { header.replace(at, text.size(), text); };
  put(0, name);
  put(100, "0000600");
  put(108, owner.user);
  put(116, owner.group);
  put(124, std::format("{:011o}", data.size()));
  put(136, "00000000000");
  put(156, std::string(1, type));
  put(257, owner.magic);
  put(kSumAt, std::string(8, ' '));
  const unsigned sum = std::accumulate(header.begin(), header.end(), 0U,
                                       [](unsigned all, char each) { return all + static_cast<unsigned char>(each); });
  put(kSumAt, std::format("{:06o}", sum) + std::string("\0 ", 2));
  return header + data + std::string((kBlock - data.size() % kBlock) % kBlock, '\0');
}

inline std::string ustar_directory(const std::string& name) { return ustar_member(name, "", {}, '5'); }

inline std::string end_of_tar() { return std::string(1024, '\0'); }

}  // namespace davit::test
