#include "helper/guard/journal_file.hpp"

#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "support/temporary_directory.hpp"

using namespace davit;
using namespace davit::helper;
using davit::test::TemporaryDirectory;
using nlohmann::json;

namespace {

JournalFile opened(const TemporaryDirectory& directory) {
  auto journal = JournalFile::open(directory.path());
  REQUIRE(journal);
  return *std::move(journal);
}

}  // namespace

TEST_CASE("a journal that is opened anew has its entries in the order of recording") {
  const TemporaryDirectory directory;
  {
    JournalFile journal = opened(directory);
    CHECK_FALSE(journal.found());
    REQUIRE(journal.record("b", {{"kind", "held"}, {"order", 1}}));
    REQUIRE(journal.record("a", {{"kind", "place"}}));
    REQUIRE(journal.record("c", {{"kind", "after"}}));
    REQUIRE(journal.record("b", {{"kind", "held"}, {"order", 2}}));
    REQUIRE(journal.strike("c"));
    REQUIRE(journal.strike("never recorded"));
  }
  const JournalFile again = opened(directory);
  CHECK(again.found());
  CHECK(again.entries() == JournalEntries{{"b", {{"kind", "held"}, {"order", 2}}}, {"a", {{"kind", "place"}}}});
  struct stat status{};
  REQUIRE(::stat((directory / "journal").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
  CHECK_FALSE(std::filesystem::exists(directory / "journal.new"));
}

TEST_CASE("a journal without entries tells that it was kept before") {
  const TemporaryDirectory directory;
  CHECK_FALSE(opened(directory).found());
  CHECK(opened(directory).found());
}

TEST_CASE("a damaged journal is no empty one") {
  const TemporaryDirectory directory;
  test::write_file(directory / "journal", GENERATE(std::string(), std::string("{\"journal\":1,\"entr"),
                                                   std::string("{\"journal\":2,\"entries\":[]}"), std::string("[]")));
  const auto journal = JournalFile::open(directory.path());
  REQUIRE_FALSE(journal);
  CHECK(journal.error().code() == Errc::corrupt);
}

TEST_CASE("what can't be written is not taken for recorded") {
  const TemporaryDirectory directory;
  JournalFile journal = opened(directory);
  REQUIRE(journal.record("a", {{"kind", "held"}}));
  // A directory in the way of the new file, which even root can't write.
  std::filesystem::create_directory(directory / "journal.new");
  CHECK_FALSE(journal.record("b", {{"kind", "held"}}));
  CHECK_FALSE(journal.strike("a"));
  CHECK_FALSE(journal.record("c", {{"kind", "held"}, {"name", "\xff"}}));
  CHECK(journal.entries() == JournalEntries{{"a", {{"kind", "held"}}}});
  CHECK(opened(directory).entries() == journal.entries());
}
