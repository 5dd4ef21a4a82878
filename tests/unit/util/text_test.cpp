#include "util/text.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <random>
#include <set>

#include "util/escape.hpp"

using namespace davit;
using namespace std::string_literals;

TEST_CASE("to_hex writes two lowercase digits a byte") {
  const std::array bytes{std::byte{0x00}, std::byte{0x0f}, std::byte{0xa0}, std::byte{0xff}};
  CHECK(to_hex(bytes) == "000fa0ff");
  CHECK(to_hex({}).empty());
}

TEST_CASE("random_hex has the length asked for and does not repeat") {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string text = random_hex(8);
    CHECK(text.size() == 16);
    CHECK(text.find_first_not_of("0123456789abcdef") == std::string::npos);
    seen.insert(text);
  }
  CHECK(seen.size() == 100);
  CHECK(random_hex(0).empty());
}

TEST_CASE("render_bytes shows three significant digits of decimal units") {
  CHECK(render_bytes(0) == "0 B");
  CHECK(render_bytes(999) == "999 B");
  CHECK(render_bytes(1000) == "1 kB");
  CHECK(render_bytes(1234) == "1.23 kB");
  CHECK(render_bytes(12'345) == "12.3 kB");
  CHECK(render_bytes(999'400) == "999 kB");
  CHECK(render_bytes(999'600) == "1 MB");
  CHECK(render_bytes(1'600'000'000) == "1.6 GB");
  CHECK(render_bytes(std::numeric_limits<std::uint64_t>::max()) == "18.4 EB");
}

TEST_CASE("escape_lines keeps lines and what is escaped already") {
  CHECK(escape_lines("one\r\ntwo\n") == "one\ntwo\n");
  CHECK(escape_lines("a\x1b]0;x\x07 b\tc\xff\rd") == "a\\x1b]0;x\\x07 b c\\xff\\x0dd");
  const std::string once = escape_lines("größe\n\x1b[2J" + escape_for_display("a\\b\n"));
  CHECK(once == "größe\n\\x1b[2Ja\\\\b\\x0a");
  CHECK(escape_lines(once) == once);
}

TEST_CASE("escape_for_display keeps printable UTF-8 and spells out the rest") {
  CHECK(escape_for_display("plain name.txt") == "plain name.txt");
  CHECK(escape_for_display("größe 日本 🚤") == "größe 日本 🚤");
  CHECK(escape_for_display("a\\x41") == "a\\\\x41");
  CHECK(escape_for_display("a\nb\tc\x1b[31m\x7f") == "a\\x0ab\\x09c\\x1b[31m\\x7f");
  CHECK(escape_for_display("\0"s) == "\\x00");
  CHECK(escape_for_display("caf\xe9") == "caf\\xe9");                       // Latin-1
  CHECK(escape_for_display("\xc3") == "\\xc3");                             // cut
  CHECK(escape_for_display("\xe6\x97") == "\\xe6\\x97");                    // cut
  CHECK(escape_for_display("\xc0\xaf") == "\\xc0\\xaf");                    // overlong
  CHECK(escape_for_display("\xe0\x80\xaf") == "\\xe0\\x80\\xaf");           // overlong
  CHECK(escape_for_display("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // surrogate
  CHECK(escape_for_display("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // beyond Unicode
  CHECK(escape_for_display("\xc2\x85") == "\\xc2\\x85");                    // a C1 control
  CHECK(escape_for_display("a\xe2\x80\xae"
                           "b") ==
        "a\\xe2\\x80\\xae"
        "b");  // right-to-left override
}

TEST_CASE("encode_file_name is safe, reversible, and has one spelling") {
  CHECK(encode_file_name("app_db-1.old") == "app_db-1.old");
  CHECK(encode_file_name("my\"db 'x") == "my%22db%20%27x");
  CHECK(encode_file_name("-dash") == "%2Ddash");
  CHECK(encode_file_name(".") == "%2E");
  CHECK(encode_file_name("..") == "%2E.");
  CHECK(encode_file_name("a/b") == "a%2Fb");
  CHECK(encode_file_name("100%") == "100%25");
  CHECK(encode_file_name("") == "%");
  CHECK(encode_file_name("\xff\0"s) == "%FF%00");

  SECTION("every byte, at the beginning and inside") {
    for (int c = 0; c < 256; ++c)
      for (const std::string& name : {std::string(1, static_cast<char>(c)), "a"s + static_cast<char>(c)}) {
        const std::string file = encode_file_name(name);
        CHECK(file.find_first_of("/\\ \n\"'"s + '\0') == std::string::npos);
        CHECK(file.front() != '.');
        CHECK(file.front() != '-');
        CHECK(decode_file_name(file) == name);
      }
  }
  SECTION("random names") {
    std::mt19937 random(7);
    for (int i = 0; i < 2000; ++i) {
      std::string name(random() % 40, '\0');
      for (char& c : name) c = static_cast<char>(random());
      CHECK(decode_file_name(encode_file_name(name)) == name);
    }
  }
}

TEST_CASE("decode_file_name takes nothing that encode_file_name does not write") {
  for (const char* file :
       {"", "a b", "a/b", "%2", "a%", "%ZZ", "%2f", "%41", ".hidden", "-dash", "%%", "a%2", "é", "%-1"}) {
    const auto decoded = decode_file_name(file);
    INFO(file);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code() == Errc::corrupt);
  }
}

TEST_CASE("split keeps empty pieces, but an empty text has none") {
  CHECK(split("", ',').empty());
  CHECK(split("a", ',') == std::vector<std::string>{"a"});
  CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CHECK(split(",", ',') == std::vector<std::string>{"", ""});
}

TEST_CASE("trim takes white space off both ends") {
  CHECK(trim(" \t a b\r\n") == "a b");
  CHECK(trim("ab") == "ab");
  CHECK(trim(" \n ").empty());
  CHECK(trim("").empty());
}

TEST_CASE("parse_duration_seconds knows its units") {
  CHECK(parse_duration_seconds("90") == 90U);
  CHECK(parse_duration_seconds("10s") == 10U);
  CHECK(parse_duration_seconds("5m") == 300U);
  CHECK(parse_duration_seconds("2h") == 7200U);
  CHECK(parse_duration_seconds("1d") == 86400U);
  CHECK(parse_duration_seconds("0") == 0U);
  CHECK(parse_duration_seconds("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  for (const char* text :
       {"", "s", "-1", "+1", " 1", "1 s", "1.5h", "1w", "1H", "1hm", "18446744073709551616", "18446744073709551615m"}) {
    const auto parsed = parse_duration_seconds(text);
    INFO(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::usage);
  }
}

TEST_CASE("nearest finds what was meant, and nothing else") {
  static constexpr std::array<std::string_view, 5> kLabels{"davit.files", "davit.stop", "davit.exclude", "ls", "x"};
  CHECK(nearest("davit.file", kLabels) == "davit.files");
  CHECK(nearest("davit.sotp", kLabels) == "davit.stop");
  CHECK(nearest("davit.exlcude", kLabels) == "davit.exclude");
  CHECK(nearest("davit.stop", kLabels) == "davit.stop");
  CHECK(nearest("sl", kLabels) == "ls");
  CHECK(nearest("compression", kLabels).empty());
  CHECK(nearest("y", kLabels).empty());
  CHECK(nearest("", kLabels).empty());
  CHECK(nearest("a", {}).empty());
}

TEST_CASE("matches_glob covers the whole text") {
  CHECK(matches_glob("", ""));
  CHECK(matches_glob("*", ""));
  CHECK(matches_glob("*", "anything/at all"));
  CHECK(matches_glob("*.log", "a.b.log"));
  CHECK(matches_glob("a*b*c", "aXbXbXc"));
  CHECK(matches_glob("?b?", "abc"));
  CHECK(matches_glob("**a", "bca"));
  CHECK(matches_glob("*?", "a"));
  CHECK_FALSE(matches_glob("", "a"));
  CHECK_FALSE(matches_glob("?", ""));
  CHECK_FALSE(matches_glob("*?", ""));
  CHECK_FALSE(matches_glob("a", "ab"));
  CHECK_FALSE(matches_glob("*.log", "a.log.gz"));
  CHECK_FALSE(matches_glob("a*b*c", "aXbX"));
  CHECK_FALSE(matches_glob("[a]", "a"));
  // Exponential in a careless matcher.
  CHECK_FALSE(matches_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}
