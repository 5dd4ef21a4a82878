#include "app/owner.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "support/fake_engine.hpp"

namespace davit::app {
namespace {

engine::Labels owned_by(std::string owner) { return {{std::string(engine::kOwnerLabel), std::move(owner)}}; }

TEST_CASE("what this process made belongs to a live run") {
  test::FakeEngine engine;
  CHECK(owner_is_alive(engine)(owned_by(process_owner())).value());
}

TEST_CASE("what has no owner belongs to a dead run") {
  test::FakeEngine engine;
  CHECK_FALSE(owner_is_alive(engine)({}).value());
  CHECK_FALSE(owner_is_alive(engine)(owned_by("")).value());
}

TEST_CASE("a container that is gone owns nothing") {
  test::FakeEngine engine;
  CHECK_FALSE(owner_is_alive(engine)(owned_by("container/0123456789ab")).value());
}

TEST_CASE("a run belongs to its container where the Engine has it, and else to its process") {
  test::FakeEngine engine;
  const std::string id(64, 'a');
  const std::string mountinfo = "1 2 0:1 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw - ext4 x rw\n";
  CHECK(own_owner(engine, "me", "") == process_owner());
  CHECK(own_owner(engine, "", mountinfo) == process_owner());
  CHECK(own_owner(engine, "", "") == process_owner());
  engine::ContainerInfo info;
  info.id = {id};
  info.name = "me";
  engine.add_container(info);
  CHECK(own_owner(engine, "", mountinfo) == "container/" + id);
  CHECK(own_owner(engine, "me", "") == "container/" + id);
  CHECK(owner_is_alive(engine)(owned_by(own_owner(engine, "me", ""))).value());
}

TEST_CASE("a process of another pid namespace can't be seen, and counts as alive") {
  test::FakeEngine engine;
  std::string owner = process_owner();
  owner.replace(owner.find("pid:["), 5, "pid:[9");
  CHECK(owner_is_alive(engine)(owned_by(owner)).value());
}

TEST_CASE("a process that has ended owns nothing, also where nobody has asked for it yet") {
  test::FakeEngine engine;
  int channel[2];
  REQUIRE(::pipe(channel) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string owner = process_owner();
    ::_exit(::write(channel[1], owner.data(), owner.size()) < 0 ? 1 : 0);
  }
  ::close(channel[1]);
  std::string owner;
  char byte = 0;
  while (::read(channel[0], &byte, 1) == 1) owner += byte;
  ::close(channel[0]);
  siginfo_t ended{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);
  CHECK_FALSE(owner_is_alive(engine)(owned_by(owner)).value());
  ::waitpid(child, nullptr, 0);
}

TEST_CASE("a pid that another process has now owns nothing") {
  test::FakeEngine engine;
  const std::string owner = process_owner();
  CHECK_FALSE(owner_is_alive(engine)(owned_by(owner + "9")).value());
}

}  // namespace
}  // namespace davit::app
