#include "storage/s3/options.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fstream>

#include "support/temporary_directory.hpp"

using davit::Environment;
using davit::Errc;
using namespace davit::storage::s3;

namespace {

const Location kPlace{"backups", "shop"};

Environment with_keys(std::map<std::string, std::string, std::less<>> more = {}) {
  more.emplace("AWS_ACCESS_KEY_ID", "AK");
  more.emplace("AWS_SECRET_ACCESS_KEY", "SK");
  return Environment(std::move(more));
}

Options resolved(const Settings& settings, const Environment& environment, const SharedFiles& files = {}) {
  auto options = resolve(kPlace, settings, environment, files);
  INFO((options ? std::string() : options.error().message()));
  REQUIRE(options);
  return *options;
}

davit::Error refused(const Settings& settings, const Environment& environment, const SharedFiles& files = {}) {
  auto options = resolve(kPlace, settings, environment, files);
  REQUIRE_FALSE(options);
  return options.error();
}

const SharedFiles kFiles{
    "# keys\n[default]\naws_access_key_id = DAK\naws_secret_access_key=DSK/+#=\n\n"
    "[ shop ]\r\nAWS_ACCESS_KEY_ID = PAK ; the key\r\naws_secret_access_key = PSK\r\naws_session_token = PTOKEN\r\n",
    "[default]\nregion = eu-central-1\ns3 =\n  addressing_style = virtual\n  max_queue = 5\nca_bundle = /ca.pem\n"
    "[profile shop]\nregion = rz-1\nendpoint_url = https://s3.example.org/\n"
    "[profile role]\nrole_arn = arn:x\n[sso-session default]\nregion = nowhere\n[profileshop]\nregion = wrong\n"};

}  // namespace

TEST_CASE("the place of a repository in S3 is parsed", "[storage][s3]") {
  CHECK(parse_location("s3://bucket") == Location{"bucket", ""});
  CHECK(parse_location("s3://bucket/") == Location{"bucket", ""});
  CHECK(parse_location("s3://bucket/a/b c/") == Location{"bucket", "a/b c"});
  CHECK(parse_location("s3://My_old.bucket//a//") == Location{"My_old.bucket", "a"});
  CHECK(describe({"bucket", "a/b"}) == "s3://bucket/a/b");
  CHECK(describe({"bucket", ""}) == "s3://bucket");
  CHECK(is_location("s3://x"));
  CHECK_FALSE(is_location("/s3://x"));
  for (const std::string text :
       {"", "bucket", "/backups", "s3:/bucket", "s3://", "s3:///a", "s3://bu cket/", "s3://b:1/", "s3://u@b/",
        "s3://b/a//b", "s3://b/../a", "s3://b/a/.", "s3://b/a\n", "s3://b/\xff"}) {
    INFO(text);
    auto location = parse_location(text);
    REQUIRE_FALSE(location);
    CHECK(location.error().code() == Errc::usage);
  }
}

TEST_CASE("S3 without settings is that of AWS", "[storage][s3]") {
  const Options options = resolved({}, with_keys());
  CHECK(options.location == kPlace);
  CHECK(options.endpoint == "https://s3.us-east-1.amazonaws.com");
  CHECK(options.region == "us-east-1");
  CHECK_FALSE(options.path_style);
  CHECK(options.credentials.access_key == "AK");
  CHECK(options.credentials.secret_key == "SK");
  CHECK(options.credentials.session_token.empty());
  CHECK(options.ca_file.empty());
}

TEST_CASE("a bucket whose name fits no certificate goes into the path", "[storage][s3]") {
  for (const std::string bucket : {"a.b", "Upper", "under_score", "ab"})
    CHECK(resolve({bucket, ""}, {}, with_keys(), {})->path_style);
  CHECK_FALSE(resolve({"a-b", ""}, {}, with_keys(), {})->path_style);
}

TEST_CASE("settings go before variables, and those before files", "[storage][s3]") {
  const Environment environment = with_keys({{"AWS_REGION", "env-1"},
                                             {"AWS_DEFAULT_REGION", "default-1"},
                                             {"AWS_ENDPOINT_URL", "https://all.example.org"},
                                             {"AWS_ENDPOINT_URL_S3", "https://s3.example.com:9000/base/"},
                                             {"AWS_SESSION_TOKEN", "TOKEN"},
                                             {"AWS_CA_BUNDLE", "/env.pem"}});
  Options options = resolved({}, environment, kFiles);
  CHECK(options.region == "env-1");
  CHECK(options.endpoint == "https://s3.example.com:9000/base");
  CHECK(options.credentials.access_key == "AK");
  CHECK(options.credentials.session_token == "TOKEN");
  CHECK(options.ca_file == "/env.pem");

  Settings settings;
  settings.region = "flag-1";
  settings.endpoint = "store.example.net";
  settings.access_key = "FAK";
  settings.secret_key = "FSK";
  settings.ca_file = "/flag.pem";
  options = resolved(settings, environment, kFiles);
  CHECK(options.region == "flag-1");
  CHECK(options.endpoint == "https://store.example.net");
  CHECK(options.credentials.access_key == "FAK");
  CHECK(options.credentials.secret_key == "FSK");
  CHECK(options.credentials.session_token.empty());  // that of other keys is no use
  CHECK(options.ca_file == "/flag.pem");
}

TEST_CASE("keys come from the files that the AWS tools share", "[storage][s3]") {
  Options options = resolved({}, Environment{}, kFiles);
  CHECK(options.credentials.access_key == "DAK");
  CHECK(options.credentials.secret_key == "DSK/+#=");
  CHECK(options.region == "eu-central-1");
  CHECK(options.endpoint == "https://s3.eu-central-1.amazonaws.com");
  CHECK_FALSE(options.path_style);
  CHECK(options.ca_file == "/ca.pem");

  options = resolved({}, Environment({{"AWS_PROFILE", "shop"}}), kFiles);
  CHECK(options.credentials.access_key == "PAK");
  CHECK(options.credentials.secret_key == "PSK");
  CHECK(options.credentials.session_token == "PTOKEN");
  CHECK(options.region == "rz-1");
  CHECK(options.endpoint == "https://s3.example.org");
  CHECK(options.path_style);

  // Keys of the environment win over a profile of the environment, and lose against a profile that was asked for.
  CHECK(resolved({}, with_keys({{"AWS_PROFILE", "shop"}}), kFiles).credentials.access_key == "AK");
  Settings settings;
  settings.profile = "shop";
  CHECK(resolved(settings, with_keys(), kFiles).credentials.access_key == "PAK");
  settings.profile = "nobody";
  CHECK(refused(settings, with_keys(), kFiles).code() == Errc::usage);
}

TEST_CASE("keys that are missing or come from elsewhere are explained", "[storage][s3]") {
  CHECK(refused({}, Environment{}).code() == Errc::credentials);
  CHECK(refused({}, Environment{}).hint().contains("AWS_ACCESS_KEY_ID"));
  const davit::Error role = refused({}, Environment({{"AWS_PROFILE", "role"}}), kFiles);
  CHECK(role.code() == Errc::credentials);
  CHECK(role.message() == "profile role has no keys of its own, but role_arn");
  CHECK(refused({}, Environment({{"AWS_ACCESS_KEY_ID", "AK"}})).code() == Errc::usage);
  CHECK(refused({}, Environment({{"AWS_SECRET_ACCESS_KEY", "SK"}})).code() == Errc::usage);
  Settings half;
  half.access_key = "AK";
  CHECK(refused(half, Environment{}).code() == Errc::usage);
  // Only the secret is one, so it may come from where nobody sees it.
  const Options mixed = resolved(half, Environment({{"AWS_SECRET_ACCESS_KEY", "hidden"}}));
  CHECK(mixed.credentials.access_key == "AK");
  CHECK(mixed.credentials.secret_key == "hidden");
  half.access_key.clear();
  half.secret_key = "SK";
  CHECK(refused(half, with_keys()).code() == Errc::usage);
}

TEST_CASE("a secret comes from a file", "[storage][s3]") {
  const davit::test::TemporaryDirectory directory;
  const std::string path = directory.path() / "secret";
  std::ofstream(path) << "from a file\n";
  const Options options =
      resolved({}, Environment({{"AWS_ACCESS_KEY_ID", "AK"}, {"AWS_SECRET_ACCESS_KEY_FILE", path}}));
  CHECK(options.credentials.secret_key == "from a file");
}

TEST_CASE("plain http is used only when it is asked for", "[storage][s3]") {
  Settings settings;
  settings.endpoint = "http://127.0.0.1:9000";
  const davit::Error error = refused(settings, with_keys());
  CHECK(error.code() == Errc::usage);
  CHECK(error.hint().contains("--allow-http"));
  settings.allow_http = true;
  CHECK(resolved(settings, with_keys()).endpoint == "http://127.0.0.1:9000");
  for (const std::string bad : {"ftp://x", "https://", "https://u:p@x", "https://x?y", "https://x y", "https://x:0"}) {
    INFO(bad);
    settings.endpoint = bad;
    CHECK(refused(settings, with_keys()).code() == Errc::usage);
  }
}

TEST_CASE("the bucket goes where it is told to", "[storage][s3]") {
  Settings settings;
  settings.path_style = true;
  CHECK(resolved(settings, with_keys()).path_style);
  settings = {};
  settings.endpoint = "https://s3.example.org";
  CHECK(resolved(settings, with_keys()).path_style);
  settings.virtual_host = true;
  CHECK_FALSE(resolved(settings, with_keys()).path_style);
  settings.path_style = true;
  CHECK(refused(settings, with_keys()).code() == Errc::usage);
}

TEST_CASE("a shared file that is none is refused without its text", "[storage][s3]") {
  for (const std::string text : {"[default\naws_access_key_id = x\n", "[default]\nSECRETWORD\n"}) {
    const davit::Error error = refused({}, Environment{}, {text, ""});
    CHECK(error.code() == Errc::usage);
    CHECK_FALSE(error.message().contains("SECRETWORD"));
  }
  // Other sections are not ours to judge.
  CHECK(resolved({}, Environment{}, {"[other]\nnonsense\n" + kFiles.credentials, ""}).credentials.access_key == "DAK");
}

TEST_CASE("shared files are found where they are named", "[storage][s3]") {
  const davit::test::TemporaryDirectory directory;
  const std::string home = directory.path();
  CHECK(read_shared_files(Environment({{"HOME", home}}))->credentials.empty());
  std::filesystem::create_directory(home + "/.aws");
  std::ofstream(home + "/.aws/credentials") << "[default]\n";
  std::ofstream(home + "/named") << "[x]\n";
  auto files = read_shared_files(Environment({{"HOME", home}, {"AWS_CONFIG_FILE", home + "/named"}}));
  REQUIRE(files);
  CHECK(files->credentials == "[default]\n");
  CHECK(files->config == "[x]\n");
  auto missing = read_shared_files(Environment({{"AWS_CONFIG_FILE", home + "/missing"}}));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::usage);
}
