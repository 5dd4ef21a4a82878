#pragma once
// LDIF as `slapcat` writes it (RFC 2849): entries of lines `attribute: value` or, in base64, `attribute:: value`, each
// entry ended by an empty line; a long line goes on in the next one, behind a blank.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "stream/byte_stream.hpp"
#include "stream/digest.hpp"

namespace davit::sources {

// One line, unfolded, and out of base64.
struct LdifLine {
  std::string_view attribute;  // with its options: "cn;lang-de"
  std::string_view value;      // bytes of any kind
  bool begins_entry = false;   // it is the entry's `dn`
};

// Reads LDIF as it flows by, in pieces of any size.
class LdifScanner {
 public:
  using OnLine = std::function<void(const LdifLine&)>;
  explicit LdifScanner(OnLine on_line = {}) : on_line_(std::move(on_line)) {}

  // Errc::corrupt, with the number of the line, for what is no LDIF; each further call returns it again.
  [[nodiscard]] Result<> feed(std::span<const std::byte> bytes);
  // Errc::corrupt if the last entry is not ended by an empty line: it was cut.
  [[nodiscard]] Result<> finish();

  [[nodiscard]] std::uint64_t entries() const { return entries_; }
  // 64 hex digits over all entries with their lines. Neither the order of entries nor that of the lines in one counts,
  // nor where lines are folded: two texts with the same digest hold the same directory. Against accidents, not against
  // forgers.
  [[nodiscard]] std::string digest() const;

 private:
  // A sum modulo 2^64 in each of four lanes: whatever the order, the sum is the same, and nothing cancels out.
  using Sum = std::array<std::uint64_t, 4>;
  Result<> take_physical(std::string_view line);
  Result<> take_logical();
  Result<> end_entry();
  static Result<> add(Sum& sum, std::span<const std::string_view> parts);

  OnLine on_line_;
  std::string partial_;  // of a physical line whose end has not come
  std::string logical_;  // of a line that may go on
  bool have_logical_ = false;
  bool in_entry_ = false;
  std::uint64_t line_ = 0;
  std::uint64_t entries_ = 0;
  Sum entry_{};
  Sum all_{};
  Result<> broken_{};
};

// Passes on, and scans.
class LdifSink : public stream::ByteSink {
 public:
  LdifSink(LdifScanner& scanner, stream::ByteSink& next) : scanner_(scanner), next_(next) {}
  Result<> write(std::span<const std::byte> bytes) override {
    TRY(scanner_.feed(bytes));
    return next_.write(bytes);
  }
  Result<> finish() override {
    TRY(scanner_.finish());
    return next_.finish();
  }

 private:
  LdifScanner& scanner_;
  stream::ByteSink& next_;
};
class LdifSource : public stream::ByteSource {
 public:
  LdifSource(LdifScanner& scanner, stream::ByteSource& next) : scanner_(scanner), next_(next) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    TRY_ASSIGN(count, next_.read(into));
    if (count == 0)
      TRY(scanner_.finish());
    else
      TRY(scanner_.feed(into.first(count)));
    return count;
  }

 private:
  LdifScanner& scanner_;
  stream::ByteSource& next_;
};

// One line of LDIF with its newline: in base64 where the value can't stand as it is.
[[nodiscard]] std::string render_ldif_line(std::string_view attribute, std::string_view value);

}  // namespace davit::sources
