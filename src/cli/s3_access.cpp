#include "cli/s3_access.hpp"

#include "storage/s3/s3_storage.hpp"

namespace davit::cli {

Result<std::unique_ptr<storage::Storage>> open_s3(const Globals& globals, const storage::s3::Location& location,
                                                  storage::s3::Settings settings, const Clock& clock) {
  TRY_ASSIGN(path_style, globals.enabled(settings.path_style, "DAVIT_S3_PATH_STYLE"));
  TRY_ASSIGN(virtual_host, globals.enabled(settings.virtual_host, "DAVIT_S3_VIRTUAL_HOST"));
  TRY_ASSIGN(allow_http, globals.enabled(settings.allow_http, "DAVIT_S3_ALLOW_HTTP"));
  // A flag wins over the variable that says the opposite.
  settings.path_style = path_style && (settings.path_style || !settings.virtual_host);
  settings.virtual_host = virtual_host && (settings.virtual_host || !globals.s3.path_style);
  settings.allow_http = allow_http;
  TRY_ASSIGN(options, storage::s3::resolve(location, settings, globals.environment));
  options.stop = globals.stop;
  return storage::s3::open(std::move(options), clock);
}

}  // namespace davit::cli
