#include "stream/encoding.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "stream/digest.hpp"
#include "support/streams.hpp"

using namespace davit;
using namespace davit::stream;
using namespace davit::test;

namespace {

struct Stored {
  std::string bytes;
  Extent plain;
  Extent stored;
};

Stored encode(const Encoding& encoding, std::string_view text) {
  MemorySink sink;
  Encoder encoder(encoding, sink);
  REQUIRE(encoder.write(bytes_of(text.substr(0, text.size() / 3))));
  REQUIRE(encoder.write(bytes_of(text.substr(text.size() / 3))));
  REQUIRE(encoder.finish());
  CHECK(sink.finished());
  return {sink.contents(), encoder.plain(), encoder.stored()};
}

Result<std::string> decode(Codec codec, const std::string& bytes, const Extent& plain, const Extent& stored) {
  MemorySource source{bytes_of(bytes)};
  Decoder decoder(codec, source, plain, stored);
  return read_all(decoder, 1 << 30);
}

void check_corrupt(const Result<std::string>& decoded) {
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code() == Errc::corrupt);
}

}  // namespace

TEST_CASE("the encoder knows plain and stored bytes, and the decoder gives them back") {
  const Encoding encoding =
      GENERATE(Encoding{Codec::zstd, 3, 2}, Encoding{Codec::zstd, 1, 0}, Encoding{Codec::none, 3, 2});
  const std::size_t size = GENERATE(0, 1, 5 << 20);
  const std::string text = noise(size / 2) + std::string(size - size / 2, 'x');
  const Stored stored = encode(encoding, text);
  CHECK(stored.plain == extent_of(bytes_of(text)));
  CHECK(stored.stored == extent_of(bytes_of(stored.bytes)));
  if (encoding.codec == Codec::none) CHECK((stored.bytes == text));

  MemorySource source{bytes_of(stored.bytes)};
  Decoder decoder(encoding.codec, source, stored.plain, stored.stored);
  const auto back = read_all(decoder, size);
  REQUIRE(back);
  CHECK((*back == text));
  std::byte byte{};
  CHECK(decoder.read({&byte, 1}) == 0U);
}

TEST_CASE("every flipped bit of what is stored is noticed") {
  const Codec codec = GENERATE(Codec::zstd, Codec::none);
  Stored stored = encode({codec, 3, 0}, "restore point " + noise(100) + std::string(300, 'x'));
  for (std::size_t bit = 0; bit < stored.bytes.size() * 8; ++bit) {
    stored.bytes[bit / 8] = static_cast<char>(stored.bytes[bit / 8] ^ (1 << bit % 8));
    INFO(bit);
    check_corrupt(decode(codec, stored.bytes, stored.plain, stored.stored));
    stored.bytes[bit / 8] = static_cast<char>(stored.bytes[bit / 8] ^ (1 << bit % 8));
  }
  REQUIRE(decode(codec, stored.bytes, stored.plain, stored.stored));
}

TEST_CASE("every cut and every added byte is noticed") {
  const Codec codec = GENERATE(Codec::zstd, Codec::none);
  const Stored stored = encode({codec, 3, 0}, noise(200) + std::string(300, 'x'));
  for (std::size_t length = 0; length < stored.bytes.size(); ++length)
    check_corrupt(decode(codec, stored.bytes.substr(0, length), stored.plain, stored.stored));
  check_corrupt(decode(codec, stored.bytes + '\0', stored.plain, stored.stored));
  check_corrupt(decode(codec, stored.bytes + stored.bytes, stored.plain, stored.stored));
}

TEST_CASE("a whole stream that is not the expected one is noticed") {
  const Stored one = encode({Codec::zstd, 3, 0}, "one");
  const Stored two = encode({Codec::zstd, 3, 0}, "two");
  check_corrupt(decode(Codec::zstd, two.bytes, one.plain, one.stored));
  check_corrupt(decode(Codec::zstd, one.bytes, one.plain, two.stored));
  check_corrupt(decode(Codec::zstd, one.bytes, two.plain, one.stored));
}

TEST_CASE("more plain bytes than expected are not decoded to their end") {
  const Stored bomb = encode({Codec::zstd, 3, 0}, std::string(64 << 20, 'x'));
  MemorySource again{bytes_of(bomb.bytes)};
  Decoder bounded(Codec::zstd, again, Extent{.bytes = 1000, .sha256 = bomb.plain.sha256}, bomb.stored);
  MemorySink received;
  const auto copied = copy(bounded, received);
  REQUIRE_FALSE(copied);
  CHECK(copied.error().code() == Errc::corrupt);
  CHECK(received.contents().size() <= 1 << 20);
}

TEST_CASE("an error of the source below is passed on as it is") {
  const Stored stored = encode({Codec::zstd, 3, 0}, noise(100000));
  FailingSource failing(stored.bytes, 500);
  Decoder decoder(Codec::zstd, failing, stored.plain, stored.stored);
  const auto back = read_all(decoder, 1 << 20);
  REQUIRE_FALSE(back);
  CHECK(back.error().code() == Errc::unavailable);
}

TEST_CASE("encodings have a spelling") {
  CHECK(parse_encoding("none") == Encoding{.codec = Codec::none});
  CHECK(parse_encoding("zstd") == Encoding{.codec = Codec::zstd, .level = 3});
  CHECK(parse_encoding("zstd:19") == Encoding{.codec = Codec::zstd, .level = 19});
  for (const char* text :
       {"", "gzip", "zstd:", "zstd:0", "zstd:20", "zstd:-1", "zstd:3x", "zstd: 3", "zstd:+3", "none:1", "ZSTD"}) {
    const auto parsed = parse_encoding(text);
    INFO(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::usage);
  }
  CHECK(parse_codec("zstd") == Codec::zstd);
  CHECK(parse_codec("none") == Codec::none);
  REQUIRE_FALSE(parse_codec("lz4"));
  CHECK(parse_codec("lz4").error().code() == Errc::corrupt);
  CHECK(name_of(Codec::zstd) == "zstd");
  CHECK(file_suffix(Codec::zstd) == ".zst");
  CHECK(file_suffix(Codec::none).empty());
}
