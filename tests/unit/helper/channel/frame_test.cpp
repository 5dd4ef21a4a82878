#include "helper/channel/frame.hpp"

#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <string>

using namespace davit;
using namespace davit::helper;

namespace {

std::string frame(FrameType type, const std::string& payload) {
  const auto header = encode_header(type, payload.size());
  return std::string(reinterpret_cast<const char*>(header.data()), header.size()) + payload;
}

void feed(FrameDecoder& decoder, std::string_view bytes) {
  const auto room = decoder.room();
  REQUIRE(room.size() >= bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
  decoder.add(bytes.size());
}

}  // namespace

TEST_CASE("a frame is its type, its length and its payload") {
  CHECK(frame(FrameType::data, "abc") == std::string("\x03\x00\x00\x00\x03"
                                                     "abc",
                                                     8));
  CHECK(frame(FrameType::bye, "") == std::string("\x08\x00\x00\x00\x00", 5));
  CHECK(frame(FrameType::data, std::string(kMaxPayload, 'x')).starts_with(std::string("\x03\x00\x10\x00\x00", 5)));
}

TEST_CASE("frames come out as they went in, in pieces of any size") {
  const std::string large(kMaxPayload, 'L');
  const std::vector<std::pair<FrameType, std::string>> frames{
      {FrameType::hello, "{}"}, {FrameType::data, large},
      {FrameType::ack, ""},     {FrameType::data, std::string("\0\x01\xff", 3)},
      {FrameType::data, large}, {FrameType::bye, ""}};
  std::string bytes;
  for (const auto& [type, payload] : frames) bytes += frame(type, payload);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{4}, std::size_t{5}, std::size_t{65537}, bytes.size()}) {
    FrameDecoder decoder;
    std::vector<std::pair<FrameType, std::string>> got;
    std::size_t at = 0;
    while (at < bytes.size()) {
      const auto room = decoder.room();
      const auto count = std::min({piece, room.size(), bytes.size() - at});
      REQUIRE(count > 0);
      std::memcpy(room.data(), bytes.data() + at, count);
      decoder.add(count);
      at += count;
      for (;;) {
        const auto next = decoder.next();
        REQUIRE(next);
        if (!*next) break;
        got.emplace_back((*next)->type, std::string((*next)->text()));
      }
    }
    CHECK(got == frames);
    CHECK_FALSE(decoder.in_frame());
  }
}

TEST_CASE("a cut frame is never given, and known to be cut") {
  const std::string whole = frame(FrameType::trailer, "{\"status\":\"ok\"}");
  for (std::size_t length = 1; length < whole.size(); ++length) {
    FrameDecoder decoder;
    feed(decoder, whole.substr(0, length));
    const auto next = decoder.next();
    REQUIRE(next);
    CHECK_FALSE(next->has_value());
    CHECK(decoder.in_frame());
  }
}

TEST_CASE("garbage is corrupt at its first byte, a length beyond the bound at its last") {
  for (const std::string_view text : {"exec /davit: no such file", "\xff", "\x0c"}) {
    FrameDecoder decoder;
    feed(decoder, text);
    const auto next = decoder.next();
    REQUIRE_FALSE(next);
    CHECK(next.error().code() == Errc::corrupt);
  }
  FrameDecoder zero;
  feed(zero, std::string_view("\0", 1));
  CHECK_FALSE(zero.next());
  FrameDecoder decoder;
  feed(decoder, std::string_view("\x03\x00\x10\x00\x01", 5));
  const auto next = decoder.next();
  REQUIRE_FALSE(next);
  CHECK(next.error().message() == "read the channel: a data frame of 1048577 bytes, where 1048576 are the most");
  FrameDecoder small(10);
  feed(small, std::string_view("\x01\x00\x00\x00\x0b", 5));
  CHECK_FALSE(small.next());
}

TEST_CASE("progress is a big-endian number of eight bytes") {
  const auto payload = encode_progress(0x0102030405060708U);
  CHECK(payload[0] == std::byte{1});
  CHECK(payload[7] == std::byte{8});
  CHECK(decode_progress(payload).value() == 0x0102030405060708U);
  CHECK(decode_progress(encode_progress(~std::uint64_t{0})).value() == ~std::uint64_t{0});
  CHECK_FALSE(decode_progress(std::span(payload).first(7)));
}
