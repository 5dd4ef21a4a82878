#include "app/selection.hpp"

#include <catch2/catch_test_macros.hpp>

namespace davit::app {
namespace {

using model::ItemId;
using model::ItemKind;

const ItemId kUploads{ItemKind::volume, "uploads"};
const ItemId kDb{ItemKind::postgres, "db"};
const ItemId kStack{ItemKind::stack, "definition"};

TEST_CASE("without patterns a selection takes everything") {
  CHECK(Selection{}.takes(kUploads));
  CHECK(Selection{}.takes(kDb));
}

TEST_CASE("what --only names is taken, unless --exclude names it too") {
  const Selection selection{{"volume:*", "postgres:*"}, {"postgres:d?"}};
  CHECK(selection.takes(kUploads));
  CHECK_FALSE(selection.takes(kDb));
}

TEST_CASE("the definition of the stack can't be left out") {
  CHECK(Selection{{"volume:x"}, {"stack:*"}}.takes(kStack));
}

TEST_CASE("a pattern that matches nothing is an error that names the items") {
  const auto checked = Selection{{"volume:upload"}, {}}.check({kUploads, kDb});
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code() == Errc::not_found);
  CHECK(checked.error().message() == "--only volume:upload: no such item");
  CHECK(checked.error().hint() == "the items are volume:uploads, postgres:db");
}

TEST_CASE("a pattern without a kind is a usage error") {
  const auto checked = Selection{{}, {"uploads"}}.check({kUploads});
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code() == Errc::usage);
}

}  // namespace
}  // namespace davit::app
