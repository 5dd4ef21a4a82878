#include "sources/opensearch/access.hpp"

#include <array>

#include "sources/compose_labels.hpp"
#include "sources/postgres/detect.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

// What the images of OpenSearch, Elastic and Bitnami call the password of their administrator.
constexpr std::array<std::string_view, 4> kPasswords{"OPENSEARCH_INITIAL_ADMIN_PASSWORD", "ELASTIC_PASSWORD",
                                                     "OPENSEARCH_PASSWORD", "ELASTICSEARCH_PASSWORD"};
constexpr std::array<std::string_view, 2> kUsers{"OPENSEARCH_USERNAME", "ELASTICSEARCH_USERNAME"};

// As curl reads a value between double quotes (curl's manual, --config).
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) switch (c) {
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += c;
    }
  return out + "\"";
}

}  // namespace

std::vector<std::string> SearchAccess::urls() const {
  if (!url.empty()) return {url};
  return {"http://localhost:9200", "https://localhost:9200"};
}

SearchAccess access_of(const engine::ContainerInfo& container) {
  const auto label = [&](std::string_view name) { return std::string(trim(compose::label(container.labels, name))); };
  SearchAccess access;
  access.url = label("davit.search.url");
  while (access.url.ends_with('/')) access.url.pop_back();
  access.ca = label("davit.search.ca");
  access.insecure = label("davit.search.insecure") == "true";
  access.password_file = label("davit.search.password_file");
  for (const std::string_view name : kPasswords) {
    if (access.has_password()) break;
    access.password = container.env_value(name).value_or("");
    if (access.password.empty()) access.password_file = container.env_value(std::string(name) + "_FILE").value_or("");
  }
  access.user = label("davit.search.user");
  for (const std::string_view name : kUsers)
    if (access.user.empty()) access.user = container.env_value(name).value_or("");
  if (access.user.empty()) {
    const bool elastic =
        image_name(container.image).contains("elasticsearch") || container.env_value("ELASTIC_PASSWORD").has_value();
    access.user = elastic ? "elastic" : "admin";
  }
  return access;
}

const std::vector<std::string>& known_ca_files() {
  static const std::vector<std::string> files{"/usr/share/opensearch/config/root-ca.pem",
                                              "/usr/share/elasticsearch/config/certs/http_ca.crt"};
  return files;
}

std::string render_curl_file(const CurlFile& file, const SearchRequest& request) {
  std::string text;
  const auto set = [&](std::string_view name, std::string_view value) {
    text += std::string(name) + " = " + quoted(value) + "\n";
  };
  text += "silent\nshow-error\ngloboff\n";  // an address of ours may hold brackets
  set("noproxy", "*");
  set("connect-timeout", "10");
  set("max-time", std::to_string(request.timeout.count()));
  set("request", request.method);
  set("url", file.url + request.path);
  if (!file.user.empty()) set("user", file.user + ":" + file.password);
  if (!file.ca.empty()) set("cacert", file.ca);
  if (file.insecure) text += "insecure\n";
  if (!request.body.empty()) {
    set("header", "Content-Type: application/json");
    set("data-binary", request.body);
  }
  set("write-out", "\n%{http_code}");
  return text + std::string(kCurlFileEnd) + "\n";
}

}  // namespace davit::sources
