#include "sources/compose_scan.hpp"

#include <catch2/catch_test_macros.hpp>

namespace davit::sources {
namespace {

using Paths = std::vector<std::string>;

TEST_CASE("env files are found in every form that Compose takes") {
  CHECK(scan_compose("services:\n  a:\n    env_file: a.env\n").paths == Paths{"a.env"});
  CHECK(scan_compose("    env_file: \"my file.env\"  # why\n").paths == Paths{"my file.env"});
  CHECK(scan_compose("    env_file: [a.env, './b.env' ]\n    image: x\n").paths == Paths{"a.env", "./b.env"});
  CHECK(scan_compose("    env_file: [a.env,\n      b.env]\n    image: x\n").paths == Paths{"a.env", "b.env"});
  CHECK(scan_compose("    env_file:\n      - a.env # first\n\n      # no\n      - b#c.env\n    image: postgres\n")
            .paths == Paths{"a.env", "b#c.env"});
  CHECK(scan_compose("    env_file:\n    - a.env\n    - b.env\n    command:\n    - not-this\n").paths ==
        Paths{"a.env", "b.env"});
  CHECK(scan_compose(
            "    env_file:\n      - path: a.env\n        required: false\n      - {path: b.env, required: true}\n")
            .paths == Paths{"a.env", "b.env"});
  CHECK(scan_compose("    env_file:\r\n      - a.env\r\n").paths == Paths{"a.env"});
}

TEST_CASE("files of secrets, extended and included compose files are found, and nothing else") {
  const NamedFiles found = scan_compose(R"(
include:
  - ../common/compose.yaml
  - path: more.yaml
services:
  app:
    image: app:1
    command: ["run", "a.txt"]
    extends:
      file: base.yaml
      service: base
    volumes:
      - ./data:/data
    env_file:
      - x.env
      - x.env
    environment:
      PROFILE: dev.env
secrets:
  pw:
    file: ./secrets/pw
)");
  CHECK(found.paths == Paths{"../common/compose.yaml", "more.yaml", "base.yaml", "x.env", "./secrets/pw"});
  CHECK(found.unresolved.empty());
}

TEST_CASE("files are found in mappings of one line, and under keys in quotes") {
  const NamedFiles found = scan_compose(R"(
include: [{path: [d1.yaml, d2.yaml]}, d3.yaml]
services:
  a: {image: busybox, env_file: [a.env, b.env], extends: {file: base.yml, service: b}}
  b: {"env_file": "c,d.env", build: {dockerfile: no.txt}}
  c:
    "env_file": e.env
    'env_file' : f.env
secrets: {pw: {file: pw.txt}}
)");
  CHECK(found.paths ==
        Paths{"d1.yaml", "d2.yaml", "d3.yaml", "a.env", "b.env", "base.yml", "c,d.env", "e.env", "f.env", "pw.txt"});
}

TEST_CASE("a name with a variable in it can't be resolved") {
  const NamedFiles found = scan_compose("    env_file: ${STAGE:-dev}.env\n");
  CHECK(found.paths.empty());
  CHECK(found.unresolved == Paths{"${STAGE:-dev}.env"});
}

TEST_CASE("what is no compose file names no files, however odd") {
  for (const char* text :
       {"", "\n\n", "env_file", "env_file:", "env_file:\n", "- - -\n", "env_file: \"open", "env_file: [", "file:", "]"})
    CHECK(scan_compose(text).paths.empty());
}

}  // namespace
}  // namespace davit::sources
