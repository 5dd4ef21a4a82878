#include "stream/acl.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace davit;
using namespace davit::stream;
using namespace std::string_literals;

namespace {

// What the kernel gives for: setfacl -m u:1000:rwx,u:7:r,g:50:x,m:rx on a file of mode 0640.
const std::string kValue =
    "\x02\0\0\0"
    "\x01\0\x06\0\xff\xff\xff\xff"
    "\x02\0\x04\0\x07\0\0\0"
    "\x02\0\x07\0\xe8\x03\0\0"
    "\x04\0\x04\0\xff\xff\xff\xff"
    "\x08\0\x01\0\x32\0\0\0"
    "\x10\0\x05\0\xff\xff\xff\xff"
    "\x20\0\0\0\xff\xff\xff\xff"s;

const Acl kAcl{{AclTag::owner, 6, 0},  {AclTag::user, 4, 7}, {AclTag::user, 7, 1000}, {AclTag::owning_group, 4, 0},
               {AclTag::group, 1, 50}, {AclTag::mask, 5, 0}, {AclTag::other, 0, 0}};

}  // namespace

TEST_CASE("an ACL is read from the kernel's bytes and written as them") {
  CHECK(parse_acl(kValue) == kAcl);
  CHECK(render_acl(kAcl) == kValue);
  CHECK(render_acl(Acl(kAcl.rbegin(), kAcl.rend())) == kValue);
  CHECK(parse_acl(render_acl({})) == Acl{});
  const Acl large{{AclTag::user, 7, 4294967294U}};
  CHECK(parse_acl(render_acl(large)) == large);
}

TEST_CASE("the bits of the group are those of the mask where there is one") {
  CHECK(group_bits(kAcl) == 5);
  CHECK(group_bits({{AclTag::owner, 6, 0}, {AclTag::owning_group, 4, 0}, {AclTag::other, 0, 0}}) == 4);
  CHECK(group_bits({}) == std::nullopt);
}

TEST_CASE("bytes that are no ACL are refused") {
  for (std::size_t length = 0; length < kValue.size(); ++length)
    if (length < 4 || length % 8 != 4) {
      INFO(length);
      CHECK_FALSE(parse_acl(kValue.substr(0, length)));
    }
  for (const auto& [at, value] : {std::pair(0, '\x03'), std::pair(4, '\x03'), std::pair(4, '\0'), std::pair(4, '\x40'),
                                  std::pair(5, '\x01'), std::pair(6, '\x08')}) {
    std::string damaged = kValue;
    damaged[static_cast<std::size_t>(at)] = value;
    const auto parsed = parse_acl(damaged);
    INFO(at);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::corrupt);
  }
}

TEST_CASE("the text of an ACL names users and groups by number") {
  CHECK(render_acl_text(kAcl) == "user::rw-,user:7:r--,user:1000:rwx,group::r--,group:50:--x,mask::r-x,other::---");
  CHECK(render_acl_text({{AclTag::user, 7, 4294967294U}}) == "user:4294967294:rwx");
  CHECK(render_acl_text({}).empty());
}
