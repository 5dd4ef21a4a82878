// pack_place: one walk, one archive. Whatever a file does meanwhile, the archive stays whole, and a finding says what
// it can't vouch for.

#include <cerrno>
#include <map>
#include <set>

#include "helper/place/attributes.hpp"
#include "helper/place/file_reader.hpp"
#include "helper/place/finding_list.hpp"
#include "helper/place/meter.hpp"
#include "helper/place/place.hpp"
#include "helper/place/restore_journal.hpp"
#include "helper/place/walk.hpp"
#include "stream/tar_writer.hpp"
#include "util/text.hpp"

namespace davit::helper {
namespace {

class Packer {
 public:
  Packer(int directory, const PackOptions& options, stream::ByteSink& tar, const Progress& progress)
      : directory_(directory), options_(options), writer_(tar), meter_(progress) {}

  Result<PackReport> run();

 private:
  using Identity = std::pair<std::uint64_t, std::uint64_t>;

  Result<> add_root();
  bool is_excluded(const std::string& path) const;
  Result<bool> visit(const WalkEntry& found);
  Result<> add_file(const WalkEntry& found);
  // True if it was written as a link to a name that is in the archive already.
  Result<bool> add_link(const WalkEntry& found);
  Result<> add_other(const WalkEntry& found, stream::TarType type);
  Result<> begin(const stream::TarEntry& entry, const WalkEntry* found);
  void could_not_read(const std::string& path, int err);

  int directory_;
  const PackOptions& options_;
  stream::TarWriter writer_;
  Meter meter_;
  FileReader reader_;
  FindingList findings_;
  std::map<Identity, std::string> links_;  // files of several names: the one that is stored
  std::set<std::string> xattrs_left_out_;
  std::uint64_t entries_ = 0;
};

stream::TarEntry entry_of(const Status& status, std::string path, stream::TarType type) {
  stream::TarEntry entry;
  entry.path = std::move(path);
  entry.type = type;
  entry.mode = status.mode & 07777U;
  entry.uid = status.uid;
  entry.gid = status.gid;
  entry.mtime_ns = status.mtime_ns;
  return entry;
}

// What is in place beside it may be the old contents, the new ones, or some of both.
Result<> refuse_half_restored(const WalkEntry& found) {
  const Sys<UniqueFd> area = open_directory_at(found.directory, found.name);
  if (!area && area.error() == ENOENT) return {};
  if (!area) return fail_errno(area.error(), "look at " + found.path);
  const auto journal = read_journal(area->get());
  if (journal && !*journal) return {};
  return fail(Errc::failed, "a restore was cut off here, and may be half done: " + escape_for_display(found.path),
              "restore it again with --replace, which first puts back what the restore had replaced");
}

void Packer::could_not_read(const std::string& path, int err) {
  switch (err) {
    case ENOENT:
    case ESTALE:
      return findings_.add(path, "vanished before it was read");
    case ELOOP:
    case ENOTDIR:
      return findings_.add(path, "changed while it was read: it became another kind of file");
    default:
      return findings_.add(path, "could not be read: " + errno_text(err));
  }
}

bool Packer::is_excluded(const std::string& path) const {
  for (std::string_view pattern : options_.exclude) {
    if (pattern.starts_with("./")) pattern.remove_prefix(2);
    if (pattern.ends_with('/')) pattern.remove_suffix(1);
    if (matches_glob(pattern, path)) return true;
  }
  return false;
}

Result<> Packer::begin(const stream::TarEntry& entry, const WalkEntry* found) {
  TRY(writer_.begin(entry));
  ++entries_;
  if (found != nullptr && found->status.links > 1 && entry.type != stream::TarType::directory &&
      entry.type != stream::TarType::hardlink)
    links_.emplace(Identity(found->status.device, found->status.inode), found->path);
  return meter_.add(0);
}

Result<> Packer::add_root() {
  const Sys<Status> status = status_of(directory_);
  if (!status) return fail_errno(status.error(), "look at the directory");
  if (options_.repository && options_.repository == status->identity())
    return fail(Errc::usage, "this is the directory that davit keeps its backups in",
                "leave the item out: --exclude, or davit.enable=false");
  stream::TarEntry entry = entry_of(*status, "./", stream::TarType::directory);
  Sys<Xattrs> xattrs = Target(directory_).read_xattrs(&xattrs_left_out_);
  if (xattrs) {
    entry.xattrs = std::move(*xattrs);
  } else {
    findings_.add("./", "extended attributes could not be read: " + errno_text(xattrs.error()));
  }
  return begin(entry, nullptr);
}

Result<bool> Packer::add_link(const WalkEntry& found) {
  if (found.status.links < 2) return false;
  const auto first = links_.find({found.status.device, found.status.inode});
  if (first == links_.end()) return false;
  stream::TarEntry entry = entry_of(found.status, found.path, stream::TarType::hardlink);
  entry.link_target = first->second;
  TRY(begin(entry, &found));
  return true;
}

Result<> Packer::add_file(const WalkEntry& found) {
  const Sys<OpenFile> file = open_file(found.directory, found.name);
  if (!file) {
    could_not_read(found.path, file.error());
    return {};
  }
  stream::TarEntry entry = entry_of(file->status, found.path, stream::TarType::file);
  entry.size = file->status.size;
  entry.sparse = file->sparse;
  entry.data = file->data;
  Sys<Xattrs> xattrs = Target(file->fd.get()).read_xattrs(&xattrs_left_out_);
  if (xattrs) {
    entry.xattrs = std::move(*xattrs);
  } else {
    findings_.add(found.path, "extended attributes could not be read: " + errno_text(xattrs.error()));
  }
  // What was opened need not be what the name stood for a moment before.
  WalkEntry opened = found;
  opened.status = file->status;
  TRY(begin(entry, &opened));
  TRY_ASSIGN(noticed, reader_.read(*file, writer_, meter_));
  if (!noticed.empty()) findings_.add(found.path, std::move(noticed));
  return {};
}

Result<> Packer::add_other(const WalkEntry& found, stream::TarType type) {
  stream::TarEntry entry = entry_of(found.status, found.path, type);
  if (type == stream::TarType::symlink) {
    Sys<std::string> target = read_link_at(found.directory, found.name);
    if (!target) {
      could_not_read(found.path, target.error());
      return {};
    }
    entry.link_target = std::move(*target);
  }
  if (type == stream::TarType::directory) entry.path += '/';
  entry.device_major = found.status.special_major;
  entry.device_minor = found.status.special_minor;
  Sys<Xattrs> xattrs = Target(found.directory, found.name).read_xattrs(&xattrs_left_out_);
  if (xattrs) {
    entry.xattrs = std::move(*xattrs);
  } else if (xattrs.error() == ENOENT) {
    could_not_read(found.path, ENOENT);
    return {};
  } else {
    findings_.add(found.path, "extended attributes could not be read: " + errno_text(xattrs.error()));
  }
  return begin(entry, &found);
}

Result<bool> Packer::visit(const WalkEntry& found) {
  using enum stream::TarType;
  const Status& status = found.status;
  if (found.depth == 0 && status.is_directory() && found.name.starts_with(kAreaPrefix)) {
    TRY(refuse_half_restored(found));
    findings_.add(found.path, "left over from a restore that was cut off, not stored");
    return false;
  }
  if (found.depth == 0 && status.is_directory() && found.name == kLostAndFound) {
    const Sys<UniqueFd> inside = open_directory_at(found.directory, found.name);
    if (inside && list_names(inside->get()).names.empty()) return false;
  }
  if (options_.repository && status.is_directory() && options_.repository == status.identity()) {
    findings_.add(found.path, "holds backups of davit itself, not stored");
    return false;
  }
  if (found.mount_point) {
    findings_.add(found.path, status.is_directory() ? "mount point, not entered" : "mount point, not stored");
    if (status.is_directory()) TRY(add_other(found, directory));
    return false;
  }
  if (status.is_directory()) {
    TRY(add_other(found, directory));
    return true;
  }
  TRY_ASSIGN(linked, add_link(found));
  if (linked) return false;
  switch (status.mode & 0170000U) {
    case 0100000U:
      TRY(add_file(found));
      break;
    case 0120000U:
      TRY(add_other(found, symlink));
      break;
    case 0010000U:
      TRY(add_other(found, fifo));
      break;
    case 0020000U:
      TRY(add_other(found, character_device));
      break;
    case 0060000U:
      TRY(add_other(found, block_device));
      break;
    case 0140000U:
      findings_.add(found.path, "socket, not stored");
      break;
    default:
      findings_.add(found.path, "unknown kind of file, not stored");
      break;
  }
  return false;
}

Result<PackReport> Packer::run() {
  TRY_ASSIGN(selection, PathSelection::of(options_.paths));
  TRY(add_root());
  const Walker walker{
      .skip = [&](const std::string& path, std::size_t) { return is_excluded(path); },
      .visit = [&](const WalkEntry& found) { return visit(found); },
      .problem =
          [&](const std::string& path, int err, bool asked_for) {
            if (asked_for && (err == ENOENT || err == ENOTDIR)) {
              findings_.add(path, "there is no such path");
            } else {
              could_not_read(path, err);
            }
          },
  };
  TRY(walk(directory_, selection, walker));
  TRY(meter_.flush());
  TRY(writer_.finish());
  findings_.append(writer_.take_findings());
  for (const std::string& name : xattrs_left_out_)
    findings_.add({}, "extended attributes of the name " + escape_for_display(name) + " are not stored");
  return PackReport{.entries = entries_, .findings = findings_.take()};
}

}  // namespace

Result<PackReport> pack_place(int directory, const PackOptions& options, stream::ByteSink& tar,
                              const Progress& progress) {
  return Packer(directory, options, tar, progress).run();
}

}  // namespace davit::helper
