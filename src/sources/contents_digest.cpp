#include "sources/contents_digest.hpp"

#include <utility>

#include "sources/host_path.hpp"
#include "stream/digest.hpp"
#include "stream/memory_stream.hpp"
#include "stream/tar_reader.hpp"

namespace davit::sources {
namespace {

class NullSink : public stream::ByteSink {
 public:
  Result<> write(std::span<const std::byte>) override { return {}; }
  Result<> finish() override { return {}; }
};

std::string member_path(std::string path) {
  while (path.starts_with("./")) path.erase(0, 2);
  while (path.ends_with('/')) path.pop_back();
  return path.empty() ? "." : path;
}

char letter_of(stream::TarType type) {
  using enum stream::TarType;
  switch (type) {
    case file:
      return 'f';
    case directory:
      return 'd';
    case symlink:
      return 'l';
    case hardlink:
      return 'h';
    case fifo:
      return 'p';
    case character_device:
      return 'c';
    case block_device:
      return 'b';
  }
  std::unreachable();
}

Result<std::string> contents_of(stream::TarReader& reader) {
  stream::Sha256 sha256;
  std::uint64_t end = 0;
  while (true) {
    TRY_ASSIGN(data, reader.read_data());
    if (data.bytes.empty()) return sha256.finish();
    // The pieces in which data comes mean nothing; a hole does, and need not be read to be told.
    if (data.offset != end) {
      const std::string offset = std::to_string(data.offset) + ":";
      sha256.update(std::as_bytes(std::span(offset)));
    }
    sha256.update(data.bytes);
    end = data.offset + data.bytes.size();
  }
}

std::string join(std::initializer_list<std::string_view> fields) {
  std::string text;
  for (const std::string_view field : fields) {
    text += field;
    text += '\0';
  }
  return text;
}

}  // namespace

Result<> CaptureSink::write(std::span<const std::byte> bytes) {
  if (!overflowed_ && captured_.size() + bytes.size() <= limit_) {
    captured_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } else if (!overflowed_) {
    overflowed_ = true;
    captured_ = {};
  }
  return next_.write(bytes);
}

Result<std::vector<std::string>> digest_contents(stream::ByteSource& tar, std::string_view key,
                                                 const std::vector<std::string>& paths) {
  std::map<std::string, std::string> members;  // sorted: the order of a tar is that of the directory
  stream::TarReader reader(tar);
  while (true) {
    TRY_ASSIGN(entry, reader.next());
    if (!entry) break;
    std::string contents;
    if (entry->type == stream::TarType::file) {
      TRY_ASSIGN(digest, contents_of(reader));
      contents = std::move(digest);
    }
    std::string path = member_path(entry->path);
    members[path] =
        join({path, std::string(1, letter_of(entry->type)), std::to_string(entry->size), contents, entry->link_target});
  }
  std::vector<std::string> digests;
  for (const std::string& top : paths.empty() ? std::vector<std::string>{"."} : paths) {
    stream::Sha256 sha256;
    bool any = false;
    sha256.update(std::as_bytes(std::span(key)));
    for (const auto& [path, text] : members) {
      if (top != "." && !path_below(path, top)) continue;
      sha256.update(std::as_bytes(std::span(text)));
      any = true;
    }
    TRY_ASSIGN(digest, sha256.finish());
    digests.push_back(any ? std::move(digest) : std::string());
  }
  return digests;
}

Result<std::vector<std::string>> digest_captured(const CaptureSink& sink, const stream::Encoding& encoding,
                                                 const helper::PackResult& packed, std::string_view key,
                                                 const std::vector<std::string>& paths) {
  if (sink.captured() == nullptr || packed.plain.bytes > 4 * kDigestLimit) return std::vector<std::string>();
  stream::MemorySource stored(std::as_bytes(std::span(*sink.captured())));
  stream::Decoder decoder(encoding.codec, stored, packed.plain, packed.stored);
  return digest_contents(decoder, key, paths);
}

Result<std::vector<std::string>> digest_place(helper::Session& session, std::string_view key,
                                              const std::vector<std::string>& paths) {
  NullSink nowhere;
  CaptureSink sink(nowhere, 4 * kDigestLimit);
  const stream::Encoding plain{.codec = stream::Codec::none, .level = 0, .workers = 0};
  TRY_ASSIGN(packed, session.pack({plain, paths, {}}, sink));
  return digest_captured(sink, plain, packed, key, paths);
}

Result<std::map<std::string, std::string>> read_links(helper::Session& session, const std::vector<std::string>& paths) {
  stream::MemorySink sink;
  TRY(session.pack({{.codec = stream::Codec::none, .level = 0, .workers = 0}, paths, {}}, sink));
  stream::MemorySource tar(sink.take());
  stream::TarReader reader(tar);
  std::map<std::string, std::string> links;
  while (true) {
    TRY_ASSIGN(entry, reader.next());
    if (!entry) return links;
    if (entry->type == stream::TarType::symlink) links[member_path(entry->path)] = entry->link_target;
  }
}

Result<std::string> read_files(helper::Session& session, const std::vector<std::string>& paths) {
  stream::MemorySink sink;
  TRY(session.pack({{.codec = stream::Codec::none, .level = 0, .workers = 0}, paths, {}}, sink));
  stream::MemorySource tar(sink.take());
  stream::TarReader reader(tar);
  std::string text;
  while (true) {
    TRY_ASSIGN(entry, reader.next());
    if (!entry) return text;
    if (entry->type != stream::TarType::file) continue;
    while (true) {
      TRY_ASSIGN(data, reader.read_data());
      if (data.bytes.empty()) break;
      text.append(reinterpret_cast<const char*>(data.bytes.data()), data.bytes.size());
    }
    text += '\n';
  }
}

}  // namespace davit::sources
