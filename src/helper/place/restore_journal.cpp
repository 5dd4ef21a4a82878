#include "helper/place/restore_journal.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include "helper/place/path_selection.hpp"
#include "util/text.hpp"

namespace davit::helper {
namespace {

constexpr std::string_view kHeader = "davit restore journal 1";
constexpr std::string_view kEnd = "end";
constexpr const char* kClosed = "journal.closed";
constexpr std::array kStates{std::pair{RestoreJournal::State::staging, std::string_view("staging")},
                             std::pair{RestoreJournal::State::staged, std::string_view("staged")},
                             std::pair{RestoreJournal::State::committing, std::string_view("committing")},
                             std::pair{RestoreJournal::State::committed, std::string_view("committed")}};
// A journal has a line for every name at the top of a place.
constexpr std::size_t kLargest = 1U << 30U;

std::unexpected<Error> damaged(std::string_view line) {
  return fail(Errc::corrupt, "damaged journal: unexpected line: " + escape_for_display(line));
}

// Any bytes are one word, as encode_file_name() writes them.
Result<std::string> parse_word(std::string_view text) { return in_context(decode_file_name(text), "damaged journal"); }

template <class Number>
Result<Number> parse_number(std::string_view text) {
  Number number{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return damaged(text);
  return number;
}

Result<std::vector<std::string>> parse_path(std::string_view text) {
  TRY_ASSIGN(path, parse_word(text));
  Result<std::vector<std::string>> components = split_relative(path);
  if (!components) return std::unexpected(std::move(components).error().context("damaged journal").as(Errc::corrupt));
  if (components->empty()) return damaged(text);
  return components;
}

Result<> parse_line(const std::string& line, RestoreJournal& journal) {
  const std::vector<std::string> words = split(line, ' ');
  if (words.empty()) return damaged(line);
  const std::string& key = words.front();
  if (key == "state" && words.size() == 2) {
    for (const auto& [state, name] : kStates) {
      if (words[1] != name) continue;
      journal.state = state;
      return {};
    }
  } else if (key == "root" && words.size() == 6) {
    TRY_ASSIGN(mode, parse_number<std::uint32_t>(words[1]));
    TRY_ASSIGN(uid, parse_number<std::uint32_t>(words[2]));
    TRY_ASSIGN(gid, parse_number<std::uint32_t>(words[3]));
    TRY_ASSIGN(mtime_ns, parse_number<std::int64_t>(words[4]));
    TRY_ASSIGN(replace, parse_number<unsigned>(words[5]));
    journal.root.mode = mode;
    journal.root.uid = uid;
    journal.root.gid = gid;
    journal.root.mtime_ns = mtime_ns;
    journal.replace_root = replace != 0;
    return {};
  } else if (key == "xattr" && words.size() == 3) {
    TRY_ASSIGN(name, parse_word(words[1]));
    TRY_ASSIGN(value, parse_word(words[2]));
    journal.root.xattrs[name] = value;
    return {};
  } else if (key == "path" && words.size() == 2) {
    TRY_ASSIGN(path, parse_word(words[1]));
    journal.paths.push_back(std::move(path));
    return {};
  } else if (key == "unit" && words.size() == 4) {
    TRY_ASSIGN(path, parse_path(words[1]));
    TRY_ASSIGN(has_old, parse_number<unsigned>(words[2]));
    TRY_ASSIGN(has_new, parse_number<unsigned>(words[3]));
    journal.units.push_back({std::move(path), has_old != 0, has_new != 0});
    return {};
  } else if (key == "parent" && words.size() == 3) {
    TRY_ASSIGN(path, parse_path(words[1]));
    TRY_ASSIGN(mtime_ns, parse_number<std::int64_t>(words[2]));
    journal.parents.push_back({std::move(path), mtime_ns});
    return {};
  }
  return damaged(line);
}

}  // namespace

std::string render_journal(const RestoreJournal& journal) {
  std::string text(kHeader);
  text += "\nstate ";
  for (const auto& [state, name] : kStates)
    if (state == journal.state) text += name;
  const Attributes& root = journal.root;
  text += "\nroot " + std::to_string(root.mode) + ' ' + std::to_string(root.uid) + ' ' + std::to_string(root.gid) +
          ' ' + std::to_string(root.mtime_ns) + (journal.replace_root ? " 1\n" : " 0\n");
  for (const auto& [name, value] : root.xattrs)
    text += "xattr " + encode_file_name(name) + ' ' + encode_file_name(value) + '\n';
  for (const std::string& path : journal.paths) text += "path " + encode_file_name(path) + '\n';
  for (const RestoreUnit& unit : journal.units)
    text += "unit " + encode_file_name(join_path(unit.path)) + (unit.has_old ? " 1" : " 0") +
            (unit.has_new ? " 1\n" : " 0\n");
  for (const RestoreJournal::Time& parent : journal.parents)
    text += "parent " + encode_file_name(join_path(parent.path)) + ' ' + std::to_string(parent.mtime_ns) + '\n';
  text += kEnd;
  text += '\n';
  return text;
}

Result<RestoreJournal> parse_journal(const std::string& text) {
  std::vector<std::string> lines = split(text, '\n');
  // The last line break leaves an empty piece behind it.
  if (lines.size() < 3 || lines.front() != kHeader || !lines.back().empty() || lines[lines.size() - 2] != kEnd)
    return fail(Errc::corrupt, "damaged journal: no journal of this version, or cut short");
  RestoreJournal journal;
  for (std::size_t i = 1; i + 2 < lines.size(); ++i) TRY(parse_line(lines[i], journal));
  return journal;
}

Result<std::optional<RestoreJournal>> read_journal(int area) {
  const Sys<UniqueFd> fd = open_at(area, "journal", O_RDONLY | O_NONBLOCK);
  if (!fd && fd.error() == ENOENT) return std::nullopt;
  if (!fd) return fail_errno(fd.error(), "open the restore's journal");
  std::string text;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = ::read(fd->get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read the restore's journal");
    if (got == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kLargest) return fail(Errc::corrupt, "damaged journal: too large");
  }
  TRY_ASSIGN(journal, parse_journal(text));
  return journal;
}

Result<> write_journal(int area, const RestoreJournal& journal) {
  const std::string text = render_journal(journal);
  const Sys<UniqueFd> fd = open_at(area, "journal.new", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!fd) return fail_errno(fd.error(), "create the restore's journal");
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t put = ::write(fd->get(), text.data() + at, text.size() - at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "write the restore's journal");
    at += static_cast<std::size_t>(put);
  }
  if (::fsync(fd->get()) != 0) return fail_errno(errno, "sync the restore's journal");
  if (::renameat(area, "journal.new", area, "journal") != 0) return fail_errno(errno, "publish the restore's journal");
  if (::fsync(area) != 0) return fail_errno(errno, "sync the restore's area");
  return {};
}

Result<> close_journal(int area) {
  if (::renameat(area, "journal", area, kClosed) != 0) return fail_errno(errno, "close the restore's journal");
  if (::fsync(area) != 0) return fail_errno(errno, "sync the restore's area");
  return {};
}

Result<bool> is_journal_closed(int area) {
  const Sys<Status> status = status_at(area, kClosed);
  if (!status && status.error() != ENOENT) return fail_errno(status.error(), "look for the restore's journal");
  return status.has_value();
}

Result<> remove_closed_journal(int area) {
  if (::unlinkat(area, kClosed, 0) != 0 && errno != ENOENT) return fail_errno(errno, "remove the restore's journal");
  return {};
}

}  // namespace davit::helper
