#include "cli/pg/store_flags.hpp"

#include "app/sweep.hpp"
#include "cli/s3_access.hpp"
#include "util/log.hpp"
#include "util/text.hpp"

namespace davit::cli {

CLI::Option* add_bucket_flags(CLI::App& command, BucketFlags& flags) {
  CLI::Option* bucket =
      command.add_option("--bucket", flags.bucket, "The bucket: NAME, NAME/PREFIX or s3://NAME/PREFIX")
          ->type_name("BUCKET");
  command.add_option("--key", flags.access_key, "The access key; AWS_ACCESS_KEY_ID")->type_name("TEXT");
  command
      .add_option("--secret", flags.secret_key,
                  "Seen by every user of this machine: better set AWS_SECRET_ACCESS_KEY or AWS_SECRET_ACCESS_KEY_FILE")
      ->type_name("TEXT");
  command.footer("How the S3 server is reached is said by options of all commands: --endpoint, --region and the like.");
  return bucket;
}

Result<storage::s3::Location> bucket_location(const std::string& text) {
  if (text.empty()) return fail(Errc::usage, "no bucket was named", "name it with --bucket");
  if (!storage::s3::is_location(text) && (text.starts_with("s3:") || text.starts_with("s3/")))
    return fail(Errc::usage, "bucket " + escape_for_display(text) + " is not written as one",
                "write NAME, NAME/PREFIX or s3://NAME/PREFIX");
  return storage::s3::parse_location(storage::s3::is_location(text) ? text : "s3://" + text);
}

Result<std::unique_ptr<storage::LocalStorage>> open_directory(const std::string& path,
                                                              storage::LocalStorage::Access access) {
  auto opened = storage::LocalStorage::open(path, access, "directory");
  if (!opened) return std::unexpected(std::move(opened).error().hint_if_none("check its path"));
  return opened;
}

Result<std::unique_ptr<storage::Storage>> open_bucket(Workbench& bench, const Globals& globals,
                                                      const BucketFlags& flags) {
  TRY_ASSIGN(location, bucket_location(flags.bucket));
  if (!flags.secret_key.empty())
    bench.run().reporter.note(
        "a secret key that is given as a flag can be seen by every user of this machine: set AWS_SECRET_ACCESS_KEY or "
        "AWS_SECRET_ACCESS_KEY_FILE instead");
  storage::s3::Settings settings = globals.s3;
  settings.access_key = flags.access_key;
  settings.secret_key = flags.secret_key;
  return open_s3(globals, location, std::move(settings), bench.run().clock);
}

Result<std::unique_ptr<storage::Storage>> open_store(Workbench& bench, const Globals& globals,
                                                     const std::string& directory, const BucketFlags& bucket,
                                                     const std::string& name) {
  using Access = storage::LocalStorage::Access;
  if (!directory.empty() && !bucket.bucket.empty()) return fail(Errc::usage, "--dir and --bucket name two places");
  if (!bucket.bucket.empty()) return open_bucket(bench, globals, bucket);
  if (!directory.empty()) {
    TRY_ASSIGN(local, open_directory(directory, Access::write));
    return local;
  }
  const std::string& repository = bench.repository();
  if (repository.empty())
    return fail(Errc::usage, "no place for the dump was named",
                "name --dir or --bucket, or a repository (--repository, DAVIT_REPOSITORY), where it goes to dumps/");
  const std::string below = "dumps/" + encode_file_name(name);
  if (storage::s3::is_location(repository)) {
    TRY_ASSIGN(location, storage::s3::parse_location(repository));
    location.prefix += (location.prefix.empty() || location.prefix.ends_with('/') ? "" : "/") + below;
    return open_s3(globals, location, globals.s3, bench.run().clock);
  }
  // The repository is there, or is made by this; what lies below it is.
  TRY_ASSIGN(whole, open_directory(repository, Access::write));
  TRY_ASSIGN(dumps, open_directory(repository + "/dumps", Access::write));
  TRY_ASSIGN(local, open_directory(repository + "/" + below, Access::write));
  return local;
}

void sweep_store(storage::Storage& storage, const RunContext& run) {
  if (const auto swept = app::sweep_staging(storage, run); !swept) log_info(swept.error().message());
}

}  // namespace davit::cli
