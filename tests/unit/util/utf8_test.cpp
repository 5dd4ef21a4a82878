#include <catch2/catch_test_macros.hpp>

#include "util/text.hpp"

using davit::is_utf8;

TEST_CASE("well-formed UTF-8 is told from other bytes", "[util]") {
  using namespace std::string_view_literals;
  for (const auto text : {""sv, "ascii \0 \x7f"sv, "\xc2\x80"sv, "\xdf\xbf"sv, "\xe0\xa0\x80"sv, "\xed\x9f\xbf"sv,
                          "\xee\x80\x80"sv, "\xef\xbf\xbf"sv, "\xf0\x90\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv})
    CHECK(is_utf8(text));
  // Lone, overlong, cut, a surrogate, beyond the last code point.
  for (const auto text :
       {"\x80"sv, "\xff"sv, "\xc0\x80"sv, "\xc1\xbf"sv, "\xe0\x9f\xbf"sv, "\xf0\x8f\xbf\xbf"sv, "a\xc2"sv, "\xe2\x82"sv,
        "\xf0\x9f\x98"sv, "\xc2 "sv, "\xed\xa0\x80"sv, "\xed\xbf\xbf"sv, "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv})
    CHECK_FALSE(is_utf8(text));
}
