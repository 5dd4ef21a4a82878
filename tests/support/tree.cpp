#include "support/tree.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "stream/digest.hpp"
#include "util/text.hpp"

namespace davit::test {
namespace fs = std::filesystem;
namespace {

std::string hex(const std::string& bytes) { return to_hex(std::as_bytes(std::span(bytes))); }

std::string data_map(const fs::path& path, off_t size) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  for (off_t at = 0; at < size;) {
    const off_t begin = ::lseek(fd.get(), at, SEEK_DATA);
    if (begin < 0) break;
    at = ::lseek(fd.get(), begin, SEEK_HOLE);
    text += ' ' + std::to_string(begin) + '+' + std::to_string(at - begin);
  }
  return text;
}

std::string xattrs_of(const fs::path& path) {
  std::string names(65536, '\0');
  const ssize_t got = ::llistxattr(path.c_str(), names.data(), names.size());
  if (got <= 0) return "";
  names.resize(static_cast<std::size_t>(got));
  std::map<std::string, std::string> sorted;
  for (const std::string& name : split(names.substr(0, names.size() - 1), '\0')) {
    std::string value(65536, '\0');
    const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (name != "security.selinux")
      sorted[name] = size < 0 ? "?" : hex(value.substr(0, static_cast<std::size_t>(size)));
  }
  std::string text;
  for (const auto& [name, value] : sorted) text += ' ' + name + '=' + value;
  return text;
}

void describe(const fs::path& path, const std::string& relative, Snapshot& into,
              std::map<std::pair<dev_t, ino_t>, std::string>& inodes) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    into[relative] = std::string("lstat: ") + std::strerror(errno);
    return;
  }
  if (S_ISSOCK(status.st_mode)) return;
  std::ostringstream line;
  line << std::oct << "mode=" << status.st_mode << std::dec << " owner=" << status.st_uid << ':' << status.st_gid
       << " mtime=" << status.st_mtim.tv_sec << '.' << status.st_mtim.tv_nsec;
  if (S_ISREG(status.st_mode)) {
    const std::string contents = read_text(path);
    line << " size=" << status.st_size << " sha256=" << stream::extent_of(std::as_bytes(std::span(contents)))->sha256;
    if (status.st_blocks * 512 < status.st_size) line << " data=" << data_map(path, status.st_size);
  }
  if (S_ISLNK(status.st_mode)) line << " target=" << hex(fs::read_symlink(path).native());
  if (S_ISBLK(status.st_mode) || S_ISCHR(status.st_mode))
    line << " device=" << major(status.st_rdev) << ':' << minor(status.st_rdev);
  if (!S_ISDIR(status.st_mode)) {
    const auto first = inodes.emplace(std::pair(status.st_dev, status.st_ino), relative).first;
    line << " links=" << status.st_nlink << " same-as=" << escape_for_display(first->second);
  }
  line << xattrs_of(path);
  into[relative] = line.str();
}

sockaddr_un address_of(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, name.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

}  // namespace

Tree::Tree() {
  std::error_code none;
  const fs::path base = fs::is_directory("../build", none) ? fs::absolute("../build", none) : fs::temp_directory_path();
  std::string pattern = (base / "tree-XXXXXX").lexically_normal().native();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
  fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(fd_);
}

Tree::~Tree() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Snapshot snapshot(const fs::path& directory, const std::vector<std::string>& ignore) {
  Snapshot into;
  std::map<std::pair<dev_t, ino_t>, std::string> inodes;
  describe(directory, ".", into, inodes);
  std::vector<fs::path> found;
  for (auto at = fs::recursive_directory_iterator(directory); at != fs::recursive_directory_iterator(); ++at) {
    if (std::ranges::find(ignore, at->path().lexically_relative(directory).native()) != ignore.end()) {
      at.disable_recursion_pending();
      continue;
    }
    found.push_back(at->path());
  }
  std::ranges::sort(found);
  for (const fs::path& path : found) describe(path, path.lexically_relative(directory).native(), into, inodes);
  return into;
}

std::string difference(const Snapshot& expected, const Snapshot& found) {
  std::string lines;
  for (const auto& [path, line] : expected) {
    const auto other = found.find(path);
    if (other == found.end()) {
      lines += "missing: " + escape_for_display(path) + '\n';
    } else if (other->second != line) {
      lines += escape_for_display(path) + "\n  was: " + line + "\n  is:  " + other->second + '\n';
    }
  }
  for (const auto& [path, line] : found)
    if (!expected.contains(path)) lines += "too much: " + escape_for_display(path) + ": " + line + '\n';
  return lines;
}

void make_file(const fs::path& path, const std::string& contents, std::uint32_t mode) {
  std::ofstream(path, std::ios::binary) << contents;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

void set_time(const fs::path& path, std::int64_t mtime_ns) {
  std::int64_t seconds = mtime_ns / 1'000'000'000;
  std::int64_t rest = mtime_ns % 1'000'000'000;
  if (rest < 0) {
    rest += 1'000'000'000;
    --seconds;
  }
  const timespec times[2] = {{0, UTIME_OMIT}, {seconds, rest}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool set_xattr(const fs::path& path, const std::string& name, const std::string& value) {
  if (::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) == 0) return true;
  WARN("not tested here: " << name << " on " << path.filename() << ": " << std::strerror(errno));
  return false;
}

std::string acl_blob() {
  struct Entry {
    std::uint16_t tag, permissions;
    std::uint32_t id;
  };
  const Entry entries[] = {{0x01, 6, ~0U}, {0x02, 7, 1234}, {0x04, 4, ~0U}, {0x10, 7, ~0U}, {0x20, 0, ~0U}};
  const std::uint32_t version = 2;
  std::string blob(reinterpret_cast<const char*>(&version), sizeof version);
  blob.append(reinterpret_cast<const char*>(entries), sizeof entries);
  return blob;
}

void make_oddities(const fs::path& directory) {
  const auto at = [&](const std::string& name) { return directory / name; };
  make_file(at("plain"), "some text\n");
  make_file(at("empty"), "");
  make_file(at("large"), std::string((3 << 20) + 17, 'x') + "end");
  make_file(at("no access"), "secret", 0);
  make_file(at("owned"), "whose");
  REQUIRE(::chown(at("owned").c_str(), 1000, 70000) == 0);
  make_file(at("setuid"), "#!", 0755);
  REQUIRE(::chown(at("setuid").c_str(), 33, 44) == 0);
  REQUIRE(::chmod(at("setuid").c_str(), 06755) == 0);
  make_file(at(std::string("bytes \xff\xfe\n\t\x01 name")), "odd");
  make_file(at("-dash"), "dash");
  make_file(at("*glob?"), "glob");
  make_file(at("ümläut"), "utf-8");
  make_file(at(std::string(255, 'n')), "longest name");

  fs::create_directories(at("dir/deeper/still"));
  make_file(at("dir/deeper/still/file"), "below");
  fs::create_directory(at("shared"));
  make_file(at("shared/inside"), "in");
  REQUIRE(::chown(at("shared").c_str(), 5, 6) == 0);
  REQUIRE(::chmod(at("shared").c_str(), 03775) == 0);
  fs::create_directory(at("closed"));
  make_file(at("closed/inside"), "in a directory that is closed");
  fs::create_directory(at("empty dir"));

  fs::create_hard_link(at("plain"), at("dir/plain again"));
  fs::create_hard_link(at("plain"), at("zz plain"));
  fs::create_symlink("plain", at("link"));
  fs::create_symlink("/nowhere/\xff", at("dangling"));
  fs::create_symlink(".", at("dir/loop"));
  REQUIRE(::lchown(at("link").c_str(), 77, 88) == 0);
  fs::create_hard_link(at("dangling"), at("dangling again"));

  {
    const UniqueFd sparse(::open(at("sparse").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
    REQUIRE(::pwrite(sparse.get(), "begin", 5, 0) == 5);
    REQUIRE(::pwrite(sparse.get(), "middle", 6, 40 << 20) == 6);
    REQUIRE(::ftruncate(sparse.get(), 100 << 20) == 0);
    const UniqueFd hole(::open(at("all hole").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(::ftruncate(hole.get(), (1 << 20) + 1) == 0);
    const UniqueFd tail(::open(at("data last").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(::pwrite(tail.get(), "end", 3, (8 << 20) + 123) == 3);
  }

  if (::mkfifo(at("fifo").c_str(), 0620) != 0) WARN("not tested here: fifo: " << std::strerror(errno));
  if (::mknod(at("null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0)
    WARN("not tested here: character device: " << std::strerror(errno));
  if (::mknod(at("disk").c_str(), S_IFBLK | 0660, makedev(259, 70000)) != 0)
    WARN("not tested here: block device: " << std::strerror(errno));
  {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Names of sockets are short, so it is made through the directory's descriptor.
    const UniqueFd here(::open(directory.c_str(), O_PATH | O_CLOEXEC));
    const sockaddr_un address = address_of("/proc/self/fd/" + std::to_string(here.get()) + "/socket");
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }

  set_xattr(at("plain"), "user.note", std::string("with\0zero\n=", 11));
  set_xattr(at("plain"), "user.empty", "");
  set_xattr(at("dir"), "user.dir", "on a directory");
  set_xattr(directory, "user.root", "on the root");
  set_xattr(at("large"), "user.large", std::string(2000, 'v'));
  set_xattr(at("plain"), "trusted.note", "trusted");
  set_xattr(at("link"), "trusted.link", "on a symlink");
  set_xattr(at("setuid"), "security.capability",
            std::string("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20));
  set_xattr(at("owned"), "system.posix_acl_access", acl_blob());
  set_xattr(at("dir/deeper"), "system.posix_acl_default", acl_blob());
  set_xattr(directory, "system.posix_acl_default", acl_blob());

  set_time(at("plain"), 1'234'567'890'123'456'789);
  set_time(at("link"), 1'111'111'111'000'000'001);
  set_time(at("empty"), 0);
  set_time(at("large"), -1'500'000'000);
  set_time(at("dir/deeper/still"), 999'999'999'999'999'999);
  set_time(at("dir"), 5'000'000'000'500'000'000);
  REQUIRE(::chmod(at("closed").c_str(), 0) == 0);
  REQUIRE(::chown(directory.c_str(), 70, 71) == 0);
  REQUIRE(::chmod(directory.c_str(), 02751) == 0);
  set_time(directory, 1'600'000'000'000'000'007);
}

}  // namespace davit::test
