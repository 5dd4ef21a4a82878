#include "util/temporary_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "util/unique_fd.hpp"

namespace davit {

Result<std::shared_ptr<const TemporaryFile>> TemporaryFile::make(std::string_view contents) {
  std::error_code error;
  const auto directory = std::filesystem::temp_directory_path(error);
  if (error) return fail_errno(error.value(), "look for the directory of temporary files");
  std::string path = directory / "davit-XXXXXX";
  const UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd) return fail_errno(errno, "make a file in " + directory.string());
  std::shared_ptr<const TemporaryFile> file(new TemporaryFile(path));
  while (!contents.empty()) {
    const ::ssize_t written = ::write(fd.get(), contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "write " + path);
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
  return file;
}

TemporaryFile::~TemporaryFile() { ::unlink(path_.c_str()); }

}  // namespace davit
