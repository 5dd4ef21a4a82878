#include "sources/opensearch/access.hpp"

#include <catch2/catch_test_macros.hpp>

#include "sources/opensearch/detect.hpp"

namespace davit::sources {
namespace {

engine::ContainerInfo container(std::string image, std::vector<std::string> env = {}, engine::Labels labels = {}) {
  engine::ContainerInfo info;
  info.image = std::move(image);
  info.env = std::move(env);
  info.labels = std::move(labels);
  return info;
}

bool is_search(engine::ContainerInfo info, Settings settings = {}) {
  Service service;
  service.name = "search";
  service.containers.push_back(std::move(info));
  service.settings = std::move(settings);
  return looks_like_search(service);
}

TEST_CASE("search servers are told by image, settings or label") {
  CHECK(is_search(container("opensearchproject/opensearch:2.19.4")));
  CHECK(is_search(container("docker.elastic.co/elasticsearch/elasticsearch:8.15.0@sha256:ab")));
  CHECK(is_search(container("elasticsearch")));
  CHECK(is_search(container("bitnami/elasticsearch:8")));
  CHECK(is_search(container("ours/lookup:1", {"discovery.type=single-node"})));
  CHECK_FALSE(is_search(container("opensearchproject/opensearch-dashboards:2")));
  CHECK_FALSE(is_search(container("fluentd-elasticsearch")));
  CHECK_FALSE(is_search(container("app", {"ELASTIC_PASSWORD=x", "OPENSEARCH_URL=http://search:9200"})));
  Settings off;
  off.search = Settings::Search::off;
  CHECK_FALSE(is_search(container("elasticsearch"), off));
  Settings on;
  on.search = Settings::Search::snapshot;
  CHECK(is_search(container("app"), on));
}

TEST_CASE("without labels a server is asked on localhost, with the password of its environment") {
  const SearchAccess open = access_of(container("opensearchproject/opensearch:2"));
  CHECK(open.urls() == std::vector<std::string>{"http://localhost:9200", "https://localhost:9200"});
  CHECK(open.user == "admin");
  CHECK_FALSE(open.has_password());

  const SearchAccess elastic = access_of(container("elastic/elasticsearch:8", {"ELASTIC_PASSWORD=secret"}));
  CHECK(elastic.user == "elastic");
  CHECK(elastic.password == "secret");

  const SearchAccess file =
      access_of(container("opensearch", {"OPENSEARCH_PASSWORD_FILE=/run/secrets/search", "OPENSEARCH_USERNAME=root"}));
  CHECK(file.user == "root");
  CHECK(file.password_file == "/run/secrets/search");
  CHECK(file.password.empty());
}

TEST_CASE("labels say otherwise") {
  const SearchAccess access = access_of(container("opensearch", {"OPENSEARCH_INITIAL_ADMIN_PASSWORD=old"},
                                                  {{"davit.search.url", "https://search.example/"},
                                                   {"davit.search.user", "backup"},
                                                   {"davit.search.password_file", "/run/secrets/backup"},
                                                   {"davit.search.ca", "/certs/ca.pem"},
                                                   {"davit.search.insecure", "false"}}));
  CHECK(access.urls() == std::vector<std::string>{"https://search.example"});
  CHECK(access.user == "backup");
  CHECK(access.password_file == "/run/secrets/backup");
  CHECK(access.password.empty());
  CHECK(access.ca == "/certs/ca.pem");
  CHECK_FALSE(access.insecure);
  CHECK(access_of(container("opensearch", {}, {{"davit.search.insecure", "true"}})).insecure);
}

TEST_CASE("a request is a file of curl's settings, whose end tells that it is whole") {
  const CurlFile file{"https://localhost:9200", "ad\"min", "a\\b\nc", "/ca.pem", false};
  const std::string text = render_curl_file(file, {.method = "PUT", .path = "/x?y=1", .body = R"({"a":"\"b"})"});
  CHECK(text.contains("request = \"PUT\"\nurl = \"https://localhost:9200/x?y=1\"\n"));
  CHECK(text.contains(R"(user = "ad\"min:a\\b\nc")"));
  CHECK(text.contains("cacert = \"/ca.pem\"\n"));
  CHECK(text.contains(R"(data-binary = "{\"a\":\"\\\"b\"}")"));
  CHECK_FALSE(text.contains("insecure"));
  CHECK(text.ends_with(std::string(kCurlFileEnd) + "\n"));

  const std::string plain = render_curl_file({"http://localhost:9200", {}, "not sent", {}, true}, {});
  CHECK_FALSE(plain.contains("not sent"));
  CHECK_FALSE(plain.contains("data-binary"));
  CHECK(plain.contains("\ninsecure\n"));
}

}  // namespace
}  // namespace davit::sources
