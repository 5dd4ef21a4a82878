#include "helper/guard/journal_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "util/unique_fd.hpp"
#include "util/whole_file.hpp"

namespace davit::helper {

using nlohmann::json;

namespace {

constexpr int kVersion = 1;
constexpr const char* kName = "journal";
constexpr const char* kNewName = "journal.new";
constexpr std::size_t kLargest = 1U << 30U;

Result<JournalEntries> parse(const std::string& text) {
  try {
    const json whole = json::parse(text);
    if (const int version = whole.at("journal").get<int>(); version != kVersion)
      return fail(Errc::corrupt, "read the journal: it has version " + std::to_string(version));
    JournalEntries entries;
    for (const json& one : whole.at("entries")) entries.emplace_back(one.at("key").get<std::string>(), one.at("entry"));
    return entries;
  } catch (const json::exception& error) {
    return fail(Errc::corrupt, std::string("read the journal: ") + error.what());
  }
}

Result<std::string> render(const JournalEntries& entries) {
  json list = json::array();
  for (const auto& [key, entry] : entries) list.push_back({{"key", key}, {"entry", entry}});
  try {
    return json{{"journal", kVersion}, {"entries", std::move(list)}}.dump();
  } catch (const json::exception& error) {
    return fail(Errc::corrupt, std::string("write the journal: ") + error.what());
  }
}

Result<> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "write the journal");
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace

Result<JournalFile> JournalFile::open(const std::string& directory) {
  JournalFile journal(directory);
  auto text = read_whole_file(directory + "/" + kName, kLargest);
  if (text) {
    TRY_ASSIGN(entries, parse(*text));
    journal.entries_ = std::move(entries);
    journal.found_ = true;
    return journal;
  }
  if (text.error().code() != Errc::not_found) return std::unexpected(std::move(text).error());
  TRY(journal.write({}));
  return journal;
}

Result<> JournalFile::record(std::string_view key, json entry) {
  JournalEntries entries = entries_;
  const auto known = std::ranges::find(entries, key, [](const auto& pair) -> std::string_view { return pair.first; });
  if (known == entries.end())
    entries.emplace_back(key, std::move(entry));
  else
    known->second = std::move(entry);
  return write(std::move(entries));
}

Result<> JournalFile::strike(std::string_view key) {
  JournalEntries entries = entries_;
  if (std::erase_if(entries, [key](const auto& pair) { return pair.first == key; }) == 0) return {};
  return write(std::move(entries));
}

Result<> JournalFile::write(JournalEntries entries) {
  TRY_ASSIGN(text, render(entries));
  const UniqueFd directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail_errno(errno, "open the journal's directory");
  UniqueFd file(::openat(directory.get(), kNewName, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return fail_errno(errno, "make the journal");
  TRY(write_all(file.get(), text));
  if (::fsync(file.get()) != 0) return fail_errno(errno, "sync the journal");
  if (const int err = file.close_checked(); err != 0) return fail_errno(err, "close the journal");
  if (::renameat(directory.get(), kNewName, directory.get(), kName) != 0)
    return fail_errno(errno, "put the journal in place");
  // From here on it is what a later start would find, also if the directory could not be synced.
  entries_ = std::move(entries);
  if (::fsync(directory.get()) != 0) return fail_errno(errno, "sync the journal's directory");
  return {};
}

}  // namespace davit::helper
