#include "sources/dotenv.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace davit::sources {
namespace {

constexpr std::string_view kBlanks = " \t\r";

bool is_name_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

using Values = std::map<std::string, Result<std::string>, std::less<>>;

// Puts values in place of `$NAME`, `${NAME}`, `${NAME:-default}` and the like.
class Interpolation {
 public:
  explicit Interpolation(const Values& values) : values_(values) {}

  // NOLINTNEXTLINE(misc-no-recursion): a default may hold a variable, as deep as somebody has written it
  Result<std::string> expand(std::string_view text, bool escapes) const {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const char c = text[at];
      if (c == '\\' && escapes && at + 1 < text.size()) {
        out += unescaped(text[++at]);
      } else if (c != '$' || at + 1 == text.size()) {
        out += c;
      } else if (text[at + 1] == '$') {
        out += '$';
        ++at;
      } else if (text[at + 1] == '{') {
        const auto end = closing(text, at + 2);
        if (end == std::string_view::npos) return fail(Errc::usage, "a ${ in it has no }");
        TRY_ASSIGN(value, braced(text.substr(at + 2, end - at - 2)));
        out += value;
        at = end;
      } else {
        std::size_t end = at + 1;
        while (end < text.size() && is_name_char(text[end])) ++end;
        if (end == at + 1) {
          out += c;
          continue;
        }
        TRY_ASSIGN(value, value_of(text.substr(at + 1, end - at - 1)));
        if (!value) return unset(text.substr(at + 1, end - at - 1));
        out += *value;
        at = end - 1;
      }
    }
    return out;
  }

 private:
  static std::string unescaped(char c) {
    switch (c) {
      case 'n':
        return "\n";
      case 'r':
        return "\r";
      case 't':
        return "\t";
      case '"':
      case '\\':
      case '$':
      case '\'':
        return {c};
      default:
        return {'\\', c};
    }
  }

  static std::size_t closing(std::string_view text, std::size_t at) {
    for (int depth = 1; at < text.size(); ++at) {
      if (text[at] == '{') ++depth;
      if (text[at] == '}' && --depth == 0) return at;
    }
    return std::string_view::npos;
  }

  static std::unexpected<Error> unset(std::string_view name) {
    return fail(Errc::usage, "it needs the variable " + escape_for_display(name) + ", which the file does not set");
  }

  Result<std::optional<std::string>> value_of(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return std::nullopt;
    if (!found->second) return std::unexpected(Error(found->second.error()).context(escape_for_display(name)));
    return *found->second;
  }

  // What stands between ${ and }.
  // NOLINTNEXTLINE(misc-no-recursion)
  Result<std::string> braced(std::string_view inside) const {
    const auto end = std::ranges::find_if_not(inside, is_name_char) - inside.begin();
    const std::string_view name = inside.substr(0, static_cast<std::size_t>(end));
    std::string_view rest = inside.substr(static_cast<std::size_t>(end));
    if (name.empty()) return fail(Errc::usage, "a ${ in it has no name");
    TRY_ASSIGN(value, value_of(name));
    const bool or_empty = rest.starts_with(':');
    if (or_empty) rest.remove_prefix(1);
    const bool has = value && !(or_empty && value->empty());
    if (rest.empty() && !or_empty) {
      if (!value) return unset(name);
      return *value;
    }
    switch (rest.empty() ? '\0' : rest.front()) {
      case '-':
        if (has) return *value;
        return expand(rest.substr(1), false);
      case '+':
        return has ? expand(rest.substr(1), false) : std::string();
      case '?':
        if (!has) return unset(name);
        return *value;
      default:
        return fail(Errc::usage, "it has ${" + escape_for_display(inside) + "}, which davit does not read");
    }
  }

  const Values& values_;
};

// A file, read from its beginning.
class Reader {
 public:
  Reader(std::string_view text, Values& values) : rest_(text), values_(values) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
  }

  Result<> read() {
    while (!rest_.empty()) {
      ++line_;
      const auto end = std::min(rest_.find('\n'), rest_.size());
      const std::string_view line = trim(rest_.substr(0, end));
      if (line.empty() || line.starts_with('#')) {
        skip(end);
        continue;
      }
      TRY(read_variable(end));
    }
    return {};
  }

 private:
  void skip(std::size_t end) { rest_.remove_prefix(std::min(end + 1, rest_.size())); }
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size())); }

  Result<> read_variable(std::size_t end) {
    constexpr std::string_view kExport = "export";
    skip_blanks_counted(end);
    if (rest_.starts_with(kExport) && rest_.size() > kExport.size() && kBlanks.contains(rest_[kExport.size()])) {
      rest_.remove_prefix(kExport.size());
      end -= kExport.size();
      skip_blanks_counted(end);
    }
    const auto separator = rest_.substr(0, end).find_first_of("=:");
    const std::string name(trim(rest_.substr(0, std::min(separator, end))));
    if (separator == std::string_view::npos) {
      values_.insert_or_assign(name, fail(Errc::usage, "it is taken from the shell of docker compose"));
      skip(end);
      return {};
    }
    rest_.remove_prefix(separator + 1);
    end -= separator + 1;
    skip_blanks_counted(end);
    TRY_ASSIGN(value, end > 0 && (rest_.front() == '"' || rest_.front() == '\'') ? quoted(rest_.front()) : bare(end));
    values_.insert_or_assign(name, std::move(value));
    return {};
  }

  void skip_blanks_counted(std::size_t& end) {
    while (end > 0 && kBlanks.contains(rest_.front())) {
      rest_.remove_prefix(1);
      --end;
    }
  }

  // The outer result is the file's, the inner one the value's.
  Result<Result<std::string>> quoted(char quote) {
    std::size_t at = 1;
    while (at < rest_.size() && rest_[at] != quote) at += quote == '"' && rest_[at] == '\\' ? 2 : 1;
    if (at >= rest_.size()) return fail(Errc::usage, "line " + std::to_string(line_) + " has a quote without its end");
    const std::string_view inside = rest_.substr(1, at - 1);
    line_ += static_cast<std::size_t>(std::ranges::count(inside, '\n'));
    rest_.remove_prefix(at + 1);
    const auto end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view behind = trim(rest_.substr(0, end));
    Result<std::string> value = quote == '"' ? Interpolation(values_).expand(inside, true) : std::string(inside);
    if (!behind.empty() && !behind.starts_with('#'))
      value = fail(Errc::usage, "line " + std::to_string(line_) + " goes on behind its quotes");
    skip(end);
    return value;
  }

  Result<Result<std::string>> bare(std::size_t end) {
    std::string_view text = rest_.substr(0, end);
    for (std::size_t at = 0; at < text.size(); ++at)
      if (text[at] == '#' && (at == 0 || kBlanks.contains(text[at - 1]))) {
        text = text.substr(0, at);
        break;
      }
    Result<std::string> value = Interpolation(values_).expand(trim(text), false);
    skip(end);
    return value;
  }

  std::string_view rest_;
  Values& values_;
  std::size_t line_ = 0;
};

}  // namespace

Result<> Dotenv::add(std::string_view text) { return Reader(text, values_).read(); }

Result<std::optional<std::string>> Dotenv::get(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  if (!found->second) return std::unexpected(found->second.error());
  return *found->second;
}

}  // namespace davit::sources
