#include "catalog/manifest.hpp"

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "catalog/closing.hpp"
#include "support/sample_manifest.hpp"
#include "support/temporary_directory.hpp"

using davit::Errc;
using namespace davit::catalog;
using namespace davit::test;
using Json = nlohmann::ordered_json;

namespace {

constexpr auto kGolden = "golden/manifest-v1.json";

// The sample with something changed, and a closing checksum that fits.
std::string altered(const std::function<void(Json&)>& alter) {
  Json document = Json::parse(*render_manifest(sample_manifest()));
  alter(document);
  document.erase("sha256");
  std::string text = document.dump(2);
  text.resize(text.size() - 2);
  text += ",\n";
  return text + *render_closing(text);
}

std::string message_of(const davit::Result<Manifest>& result) { return result ? "" : result.error().message(); }

}  // namespace

TEST_CASE("a manifest that no reader would take is not rendered", "[catalog]") {
  Manifest manifest = sample_manifest();
  manifest.needs = {std::string(kManifestLimit, 'x')};
  const auto rendered = render_manifest(manifest);
  REQUIRE_FALSE(rendered);
  CHECK(rendered.error().code() == Errc::failed);
  CHECK(rendered.error().message().contains("and may have "));
}

TEST_CASE("a manifest is rendered as the golden file has it, and read back from it", "[catalog]") {
  const std::string golden = read_file(kGolden);
  REQUIRE_FALSE(golden.empty());
  CHECK(render_manifest(sample_manifest()) == golden);
  auto parsed = parse_manifest(golden);
  REQUIRE(parsed);
  CHECK(render_manifest(*parsed) == golden);

  const Manifest expected = sample_manifest();
  CHECK(parsed->started == expected.started);
  CHECK(parsed->finished == expected.finished);
  CHECK(parsed->project_dir == expected.project_dir);
  REQUIRE(parsed->items.size() == 3);
  CHECK(parsed->items[0].artefacts[0].plain.bytes == 18446744073709551615U);
  CHECK(parsed->items[0].artefacts[0].base == expected.items[0].artefacts[0].base);
  CHECK(parsed->items[0].artefacts[0].encryption == "age");
  CHECK_FALSE(parsed->items[1].artefacts[0].encryption);
  CHECK(parsed->items[1].artefacts[2].attributes.at("database") == "caf\xe9");
  CHECK(parsed->items[1].attributes == expected.items[1].attributes);
  CHECK(parsed->findings == expected.findings);
  CHECK(parsed->services[0].repo_digests == expected.services[0].repo_digests);
  CHECK(parsed->needs == expected.needs);
}

TEST_CASE("every flipped bit of a manifest is noticed", "[catalog]") {
  const std::string golden = read_file(kGolden);
  REQUIRE(golden.size() > 1000);
  std::size_t unnoticed = 0;
  for (std::size_t at = 0; at < golden.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = golden;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const auto parsed = parse_manifest(damaged);
      if (parsed || parsed.error().code() != Errc::corrupt) ++unnoticed;
    }
  CHECK(unnoticed == 0);
}

TEST_CASE("every cut manifest is noticed, and one with something behind it", "[catalog]") {
  const std::string golden = read_file(kGolden);
  REQUIRE(golden.size() > 1000);
  std::size_t unnoticed = 0;
  for (std::size_t length = 0; length < golden.size(); ++length) {
    const auto parsed = parse_manifest(std::string_view(golden).substr(0, length));
    if (parsed || parsed.error().code() != Errc::corrupt) ++unnoticed;
  }
  CHECK(unnoticed == 0);
  CHECK_FALSE(parse_manifest(golden + "\n"));
  CHECK_FALSE(parse_manifest(golden + golden));
  CHECK_FALSE(parse_manifest(Json::parse(golden).dump(2)));
}

TEST_CASE("unknown fields are ignored", "[catalog]") {
  const auto parsed = parse_manifest(altered([](Json& document) {
    document["later"] = {{"nested", {1, 2.5, nullptr}}};
    document["items"][0]["later"] = true;
    document["items"][0]["artefacts"][0]["later"] = "x";
    document["items"][0]["artefacts"][0]["plain"]["blake3"] = "x";
    document["items"][0]["attributes"]["later"] = "kept";
    document["items"][1]["artefacts"][0]["base"] = nullptr;
  }));
  REQUIRE(parsed);
  CHECK(parsed->items[0].attributes.at("later") == "kept");
  CHECK(parsed->stored_bytes() == sample_manifest().stored_bytes());
}

TEST_CASE("what only a newer davit knows is refused, and is no damage", "[catalog]") {
  const std::vector<std::function<void(Json&)>> alterations = {
      [](Json& document) { document["format_version"] = 2; },
      [](Json& document) { document = {{"format", "davit-backup"}, {"format_version", 7}, {"all", "new"}}; },
      [](Json& document) { document["items"][0]["kind"] = "opensearch"; },
      [](Json& document) { document["items"][0]["consistency"] = "frozen"; },
      [](Json& document) { document["items"][0]["artefacts"][0]["content"] = "cpio"; },
      [](Json& document) { document["items"][0]["artefacts"][0]["codec"] = "xz"; },
      [](Json& document) { document["items"][0]["artefacts"][0]["encryption"] = "pgp"; },
  };
  for (const auto& alter : alterations) {
    const std::string text = altered(alter);
    INFO(text);
    const auto parsed = parse_manifest(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::usage);
    CHECK(parsed.error().hint().contains("newer davit"));
  }
}

TEST_CASE("a manifest whose checksum fits is still read strictly", "[catalog]") {
  struct Case {
    std::string pointer;
    Json value;
    std::string expected;
  };
  const std::string artefact = "/items/0/artefacts/0";
  const std::vector<Case> cases = {
      {"/format", "tar", "format is not davit-backup"},
      {"/format_version", 0, "format_version is 0"},
      {"/format_version", "1", "format_version is not a count"},
      {"/format_version", 1.0, "format_version is not a count"},
      {"/id", "latest", "id is not an id"},
      {"/id", "20261121T083000Z-4F2A", "id is not an id"},
      {"/id", "../../etc", "id is not an id"},
      {"/stack", "", "stack is empty"},
      {"/stack", nullptr, "stack is not a text"},
      {"/stack", {{"hex", "73686f70"}}, "stack is not a text"},
      {"/stack", {{"hex", "FF"}}, "stack is not a text"},
      {"/stack", {{"hex", "f"}}, "stack is not a text"},
      {"/started", "2026-11-21 08:30:00", "started is not a time"},
      {"/started", "2026-11-21T08:30:00.5Z", "started is not a time"},
      {"/started", 1795249800, "started is not a string"},
      {"/services", Json::object(), "services is not an array"},
      {"/services/0", "app", "services[0] is not an object"},
      {"/services/0/containers", -1, "services[0].containers is not a count"},
      {"/services/0/containers", 4294967296, "services[0].containers is too large"},
      {"/services/0/repo_digests", {1}, "services[0].repo_digests holds something else"},
      {"/items/0/name", "", "items[0].name is empty"},
      {"/items/1/artefacts/0/path", "volumes/uploads.tar.zst", "occurs twice"},
      {"/items/0/attributes", Json::array(), "items[0].attributes is not an object"},
      {"/items/0/attributes/driver", 1, "items[0].attributes holds something else"},
      {artefact + "/path", "/etc/passwd", "items[0].artefacts[0].path is not a path"},
      {artefact + "/path", "../other/manifest.json", "items[0].artefacts[0].path is not a path"},
      {artefact + "/path", "volumes/../../x", "items[0].artefacts[0].path is not a path"},
      {artefact + "/path", "volumes/", "items[0].artefacts[0].path is not a path"},
      {artefact + "/path", "", "items[0].artefacts[0].path is not a path"},
      {artefact + "/path", std::string("a\0b", 3), "items[0].artefacts[0].path is not a path"},
      {artefact + "/path", ".current/run/x", "items[0].artefacts[0].path is not a path"},
      {artefact + "/path", "manifest.json", "items[0].artefacts[0].path is the name of no artefact"},
      {artefact + "/path", {{"hex", "ff"}}, "items[0].artefacts[0].path is not a string"},
      {artefact + "/plain/bytes", -1, "items[0].artefacts[0].plain.bytes is not a count"},
      {artefact + "/plain/bytes", 1.5, "items[0].artefacts[0].plain.bytes is not a count"},
      {artefact + "/plain/bytes", std::numeric_limits<double>::quiet_NaN(), "plain.bytes is not a count"},
      {artefact + "/plain/bytes", 18446744073709551616.0, "plain.bytes is not a count"},
      {artefact + "/plain/bytes", "12", "plain.bytes is not a count"},
      {artefact + "/plain/sha256", std::string(63, 'a'), "plain.sha256 is not a SHA-256"},
      {artefact + "/plain/sha256", std::string(64, 'A'), "plain.sha256 is not a SHA-256"},
      {artefact + "/stored", nullptr, "items[0].artefacts[0].stored is not an object"},
      {artefact + "/entries", true, "entries is not a count"},
      {artefact + "/base", "volumes/uploads.tar.zst", "base is not of the form ID/PATH"},
      {artefact + "/base", "20261120T083000Z-00ff/../x", "base is not of the form ID/PATH"},
      {artefact + "/base", 5, "base is not a string"},
      {"/items/1/artefacts/1/stored/bytes", 5, "stored differs from plain, without a codec"},
      {"/items/1/kind", "volume:x", "items[1].kind is no kind"},
      {"/findings/0", Json::array(), "findings[0] is not an object"},
      {"/not_covered/0/why", 5, "not_covered[0].why is not a text"},
      {"/needs", "network", "needs is not an array"},
  };
  for (const Case& entry : cases) {
    INFO(entry.pointer << " = " << entry.value.dump());
    const auto parsed =
        parse_manifest(altered([&](Json& document) { document[Json::json_pointer(entry.pointer)] = entry.value; }));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::corrupt);
    CHECK(message_of(parsed).starts_with("manifest: "));
    CHECK(message_of(parsed).contains(entry.expected));
  }
}

TEST_CASE("no field may be missing", "[catalog]") {
  const auto check = [](const std::string& pointer, const std::string& name) {
    INFO(pointer << "/" << name);
    const auto parsed =
        parse_manifest(altered([&](Json& document) { document[Json::json_pointer(pointer)].erase(name); }));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::corrupt);
    CHECK(message_of(parsed).contains(name + " is missing"));
  };
  const Json golden = Json::parse(read_file(kGolden));
  for (const std::string pointer : {"", "/services/0", "/items/0", "/items/0/artefacts/0", "/items/0/artefacts/0/plain",
                                    "/findings/0", "/not_covered/0", "/held/0"})
    for (const auto& [name, value] : golden[Json::json_pointer(pointer)].items())
      if (name != "sha256" && name != "base" && name != "encryption" && name != "held") check(pointer, name);
}

TEST_CASE("older manifests don't say who was held, and seconds are no nonsense", "[catalog]") {
  const auto older = parse_manifest(altered([](Json& document) { document.erase("held"); }));
  REQUIRE(older);
  CHECK(older->held.empty());
  CHECK_FALSE(render_manifest(*older)->contains("\"held\""));
  const auto sample = parse_manifest(altered([](Json&) {}));
  REQUIRE(sample);
  CHECK(sample->held == sample_manifest().held);
  for (const Json& wrong : {Json(-1), Json("1"), Json(1e300), Json(nullptr)}) {
    const auto parsed = parse_manifest(altered([&](Json& document) { document["held"][0]["seconds"] = wrong; }));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::corrupt);
    CHECK(message_of(parsed).contains("held[0].seconds is not a number of seconds"));
  }
}

TEST_CASE("no name may occur twice, nor an item", "[catalog]") {
  std::string text = read_file(kGolden);
  text.resize(text.size() - kClosingBytes);
  text += "  \"stack\": \"other\",\n";
  CHECK(message_of(parse_manifest(text + *render_closing(text))).contains("occurs twice in one object"));
  CHECK(message_of(parse_manifest(altered([](Json& document) {
          document["items"].push_back(document["items"][2]);
        }))).contains("item stack:definition occurs twice"));
}

TEST_CASE("what is no JSON object is no manifest", "[catalog]") {
  for (const std::string head :
       {"\n", "{\n", "[1,\n", "null\n", "{\"a\": 1,,\n", "{\"a\": \"\xff\",\n", "{\"a\": 1e999,\n", "{\"a\": NaN,\n"}) {
    INFO(head);
    const auto parsed = parse_manifest(head + *render_closing(head));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::corrupt);
  }
  const std::string deep = "{\"a\": " + std::string(1'000'000, '[') + "\n";
  CHECK_FALSE(parse_manifest(deep + *render_closing(deep)));
}

TEST_CASE("a manifest that could not be read back is not rendered", "[catalog]") {
  const auto refused = [](const std::function<void(Manifest&)>& alter) {
    Manifest manifest = sample_manifest();
    alter(manifest);
    const auto rendered = render_manifest(manifest);
    return !rendered && rendered.error().code() == Errc::bug;
  };
  CHECK(refused([](Manifest& manifest) { manifest.id = "x"; }));
  CHECK(refused([](Manifest& manifest) { manifest.items[0].artefacts[0].path = "../x"; }));
  CHECK(refused([](Manifest& manifest) { manifest.items[0].artefacts[0].path = "caf\xe9"; }));
  CHECK(refused([](Manifest& manifest) { manifest.items[0].artefacts[0].stored.sha256.clear(); }));
  CHECK(refused([](Manifest& manifest) { manifest.items.push_back(manifest.items[1]); }));
  CHECK_FALSE(refused([](Manifest& manifest) { manifest.stack = "\xff\xfe"; }));
  CHECK_FALSE(refused([](Manifest& manifest) { manifest.items[0].attributes["label.\xff"] = "x"; }));
}
