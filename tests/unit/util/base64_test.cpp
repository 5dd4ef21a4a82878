#include "util/base64.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

namespace davit {
namespace {

TEST_CASE("bytes become text and bytes again") {
  // RFC 4648, section 10.
  for (const auto& [bytes, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}}) {
    CHECK(encode_base64(bytes) == text);
    const auto decoded = decode_base64(text);
    REQUIRE(decoded);
    CHECK(*decoded == bytes);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  CHECK(decode_base64(encode_base64(all)) == all);
  CHECK(encode_base64("\xfb\xff\xfe") == "+//+");
}

TEST_CASE("what isn't base64 is refused") {
  const auto* text = GENERATE("Z", "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm9-", "Zg=v");
  INFO(text);
  const auto decoded = decode_base64(text);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code() == Errc::corrupt);
}

}  // namespace
}  // namespace davit
