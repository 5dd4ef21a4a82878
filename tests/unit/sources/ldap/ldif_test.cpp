#include "sources/ldap/ldif.hpp"

#include <catch2/catch_test_macros.hpp>
#include <utility>
#include <vector>

using namespace davit;
using namespace davit::sources;

namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

Result<> scan(LdifScanner& scanner, std::string_view text, std::size_t piece = 1U << 20U) {
  while (!text.empty()) {
    TRY(scanner.feed(std::as_bytes(std::span(text.substr(0, piece)))));
    text.remove_prefix(std::min(piece, text.size()));
  }
  return scanner.finish();
}

std::string digest_of(std::string_view text) {
  LdifScanner scanner;
  REQUIRE(scan(scanner, text));
  return scanner.digest();
}

constexpr std::string_view kTwo =
    "dn: dc=example,dc=org\nobjectClass: dcObject\ndc: example\n\n"
    "dn:: Y249SsO8cmdlbixkYz1leGFtcGxlLGRjPW9yZw==\ncn:: SsO8cmdlbg==\ndescription: a long\n  line\n\n";

}  // namespace

TEST_CASE("lines of LDIF are unfolded and taken out of base64, in whatever pieces they come", "[ldap]") {
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
    Lines lines;
    std::vector<bool> begins;
    LdifScanner scanner([&](const LdifLine& line) {
      lines.emplace_back(line.attribute, line.value);
      begins.push_back(line.begins_entry);
    });
    REQUIRE(scan(scanner, kTwo, piece));
    CHECK(lines == Lines{{"dn", "dc=example,dc=org"},
                         {"objectClass", "dcObject"},
                         {"dc", "example"},
                         {"dn", "cn=Jürgen,dc=example,dc=org"},
                         {"cn", "Jürgen"},
                         {"description", "a long line"}});
    CHECK(begins == std::vector<bool>{true, false, false, true, false, false});
    CHECK(scanner.entries() == 2);
    CHECK(scanner.digest() == digest_of(kTwo));
  }
}

TEST_CASE("the digest of LDIF doesn't tell orders and foldings apart, and everything else", "[ldap]") {
  const std::string same =
      "# of another program\ndn: cn=J\xc3\xbcrgen,dc=example,dc=org\ndescription: a long line\ncn:: SsO8cmdlbg==\n\n\n"
      "dn: dc=exa\n mple,dc=org\ndc: example\nobjectClass: dcObject\n\n";
  CHECK(digest_of(same) == digest_of(kTwo));
  CHECK(digest_of(kTwo).size() == 64);
  CHECK(digest_of("") == std::string(64, '0'));
  const std::string one = "dn: a\nx: 1\n\n";
  for (const char* other : {"dn: a\nx: 2\n\n", "dn: a\ny: 1\n\n", "dn: b\nx: 1\n\n", "dn: a\nx: 1\nx: 1\n\n",
                            "dn: a\nx: 1\n\ndn: a\nx: 1\n\n", "dn: a\n\ndn: x\n\n", "dn: a\nx:\n\n"})
    CHECK(digest_of(other) != digest_of(one));
  // A value that moves from one entry to another leaves neither as it was.
  CHECK(digest_of("dn: a\nx: 1\n\ndn: b\nx: 2\n\n") != digest_of("dn: a\nx: 2\n\ndn: b\nx: 1\n\n"));
}

TEST_CASE("LDIF that was cut, and what is no LDIF, is told from a whole one", "[ldap]") {
  // slapcat ends every entry with an empty line, so a cut is seen wherever it isn't between two entries.
  const std::size_t between = kTwo.find("\n\n") + 2;
  for (std::size_t size = 1; size < kTwo.size(); ++size) {
    LdifScanner scanner;
    const bool whole = scan(scanner, kTwo.substr(0, size)).has_value();
    CHECK(whole == (size == between));
  }
  const std::pair<const char*, const char*> wrong[] = {
      {"cn: no dn\n\n", "line 2 of the LDIF: the entry before it doesn't begin with its dn"},
      {"dn: a\ndn: b\n\n", "line 3 of the LDIF: the entry before it has a second dn"},
      {"dn: a\nslapcat: could not open\nno colon here\n\n",
       "line 4 of the LDIF: no attribute with a value comes before it"},
      {" begins folded\n", "line 1 of the LDIF: it goes on with a line that there isn't"},
      {"dn:: no!base64\n\n", "line 2 of the LDIF: the value before it is not base64"},
      {"dn: a\n", "the LDIF ends in the middle of an entry, behind line 1"},
  };
  for (const auto& [text, message] : wrong) {
    LdifScanner scanner;
    const auto scanned = scan(scanner, text);
    REQUIRE_FALSE(scanned);
    CHECK(scanned.error().code() == Errc::corrupt);
    CHECK(scanned.error().message() == message);
  }
}

TEST_CASE("a line is written so that it reads the same", "[ldap]") {
  CHECK(render_ldif_line("olcDbDirectory", "/var/lib/ldap") == "olcDbDirectory: /var/lib/ldap\n");
  CHECK(render_ldif_line("cn", "J\xc3\xbcrgen") == "cn:: SsO8cmdlbg==\n");
  for (const std::string value :
       {"", " a", "a ", ":a", "<a", "a:b <c", std::string("\0\n\xff", 3).c_str(), "ab", "abc", "abcd\r"}) {
    Lines lines;
    LdifScanner scanner([&](const LdifLine& line) { lines.emplace_back(line.attribute, line.value); });
    REQUIRE(scan(scanner, "dn: x\n" + render_ldif_line("cn;lang-de", value) + "\n"));
    REQUIRE(lines.size() == 2);
    CHECK(lines[1] == std::pair<std::string, std::string>("cn;lang-de", value));
  }
}
