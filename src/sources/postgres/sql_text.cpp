#include "sources/postgres/sql_text.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace davit::sources {
namespace {

enum class TokenKind { space, comment, word, identifier, string, meta, semicolon, other };
struct Token {
  TokenKind kind = TokenKind::other;
  std::string_view text;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
bool begins_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c) { return begins_word(c) || (c >= '0' && c <= '9') || c == '$'; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return upper(x) == upper(y); });
}

// Cuts a text into tokens by PostgreSQL's lexical rules, as far as its tools' output uses them.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  // Whether a backslash in '…' escapes, as it does with standard_conforming_strings off.
  void set_backslash_escapes(bool on) { backslash_escapes_ = on; }

  // Nothing at the end. A quote that isn't closed is Errc::corrupt.
  Result<std::optional<Token>> next() {
    if (at_ == text_.size()) return std::nullopt;
    const std::size_t begin = at_;
    const char c = text_[at_];
    if (is_space(c)) {
      at_ = end_of(is_space);
      return token(TokenKind::space, begin);
    }
    if (rest().starts_with("--") || c == '\\') {
      at_ = std::min(text_.find('\n', at_), text_.size());
      return token(c == '\\' ? TokenKind::meta : TokenKind::comment, begin);
    }
    if (rest().starts_with("/*")) return enclosed(TokenKind::comment, begin, "*/", 2);
    if (c == '"') return quoted(TokenKind::identifier, begin, '"', false);
    if (c == '\'') return quoted(TokenKind::string, begin, '\'', backslash_escapes_);
    if ((c == 'E' || c == 'e') && at_ + 1 < text_.size() && text_[at_ + 1] == '\'') {
      ++at_;
      return quoted(TokenKind::string, begin, '\'', true);
    }
    if (c == '$') {
      if (const std::string_view tag = dollar_tag(); !tag.empty())
        return enclosed(TokenKind::string, begin, tag, tag.size());
    }
    if (begins_word(c)) {
      at_ = end_of(is_word);
      return token(TokenKind::word, begin);
    }
    ++at_;
    return token(c == ';' ? TokenKind::semicolon : TokenKind::other, begin);
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }
  Token token(TokenKind kind, std::size_t begin) const { return {kind, text_.substr(begin, at_ - begin)}; }
  std::size_t end_of(bool (*belongs)(char)) const {
    std::size_t end = at_;
    while (end < text_.size() && belongs(text_[end])) ++end;
    return end;
  }
  std::string_view dollar_tag() const {
    std::size_t end = at_ + 1;
    while (end < text_.size() && is_word(text_[end]) && text_[end] != '$') ++end;
    return end < text_.size() && text_[end] == '$' ? text_.substr(at_, end + 1 - at_) : std::string_view();
  }
  Result<std::optional<Token>> enclosed(TokenKind kind, std::size_t begin, std::string_view closing, std::size_t skip) {
    const std::size_t end = text_.find(closing, at_ + skip);
    if (end == std::string_view::npos) return fail(Errc::corrupt, "the script ends inside " + std::string(closing));
    at_ = end + closing.size();
    return token(kind, begin);
  }
  Result<std::optional<Token>> quoted(TokenKind kind, std::size_t begin, char quote, bool escapes) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (escapes && text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == quote) {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != quote) {
          ++at_;
          return token(kind, begin);
        }
        ++at_;
      }
    }
    at_ = text_.size();
    return fail(Errc::corrupt, "the script ends inside a quote");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool backslash_escapes_ = false;
};

std::vector<Token> tokens_of(std::string_view statement) {
  std::vector<Token> tokens;
  Lexer lexer(statement);
  for (auto next = lexer.next(); next && *next; next = lexer.next())
    if ((**next).kind != TokenKind::space && (**next).kind != TokenKind::comment) tokens.push_back(**next);
  return tokens;
}

std::string unquoted(const Token& token) {
  if (token.kind != TokenKind::identifier) return std::string(token.text);
  std::string name;
  const std::string_view inside = token.text.substr(1, token.text.size() - 2);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    name += inside[i];
    if (inside[i] == '"') ++i;
  }
  return name;
}

// How many tokens the words take at the beginning; 0 if they aren't there.
std::size_t count_of(const std::vector<Token>& tokens, std::string_view words) {
  const std::vector<std::string> wanted = split(words, ' ');
  if (tokens.size() < wanted.size()) return 0;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (tokens[i].kind != TokenKind::word || !same_word(tokens[i].text, wanted[i])) return 0;
  return wanted.size();
}

bool turns_off_standard_strings(std::string_view statement) {
  const auto tokens = tokens_of(statement);
  return tokens.size() >= 4 && same_word(tokens[0].text, "SET") &&
         same_word(tokens[1].text, "standard_conforming_strings") && same_word(tokens[3].text, "off");
}

std::string quoted_with(char quote, std::string_view text, std::string_view also_doubled = {}) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || also_doubled.contains(c)) out += c;
    out += c;
  }
  out += quote;
  return out;
}

}  // namespace

std::string quote_identifier(std::string_view name) { return quoted_with('"', name); }

std::string quote_literal(std::string_view text) {
  return text.contains('\\') ? "E" + quoted_with('\'', text, "\\") : quoted_with('\'', text);
}

std::string conninfo_of(std::string_view database) {
  std::string out = "dbname='";
  for (const char c : database) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  out += '\'';
  return out;
}

Result<std::vector<std::string>> split_statements(std::string_view script) {
  std::vector<std::string> statements;
  std::string current;
  Lexer lexer(script);
  while (true) {
    TRY_ASSIGN(next, lexer.next());
    if (!next) break;
    switch (next->kind) {
      case TokenKind::comment:
      case TokenKind::meta:
        break;
      case TokenKind::space:
        if (!current.empty()) current += next->text;
        break;
      case TokenKind::semicolon:
        if (current.empty()) break;
        current += ';';
        if (turns_off_standard_strings(current)) lexer.set_backslash_escapes(true);
        statements.push_back(std::move(current));
        current.clear();
        break;
      default:
        current += next->text;
    }
  }
  if (!trim(current).empty()) return fail(Errc::corrupt, "the script ends inside a statement");
  return statements;
}

bool begins_with(std::string_view statement, std::string_view words) {
  return count_of(tokens_of(statement), words) > 0;
}

std::optional<std::string> identifier_behind(std::string_view statement, std::string_view words) {
  const auto tokens = tokens_of(statement);
  const std::size_t count = count_of(tokens, words);
  if (count == 0 || count >= tokens.size()) return std::nullopt;
  const Token& name = tokens[count];
  if (name.kind != TokenKind::word && name.kind != TokenKind::identifier) return std::nullopt;
  return unquoted(name);
}

std::optional<std::string> retarget_database(std::string_view statement, std::string_view name) {
  const auto tokens = tokens_of(statement);
  const auto keyword = std::ranges::find_if(
      tokens, [](const Token& token) { return token.kind == TokenKind::word && same_word(token.text, "DATABASE"); });
  if (keyword == tokens.end() || keyword + 1 == tokens.end()) return std::nullopt;
  const Token& old = *(keyword + 1);
  if (old.kind != TokenKind::word && old.kind != TokenKind::identifier) return std::nullopt;
  const auto begin = static_cast<std::size_t>(old.text.data() - statement.data());
  std::string out(statement.substr(0, begin));
  out += quote_identifier(name);
  out += statement.substr(begin + old.text.size());
  return out;
}

}  // namespace davit::sources
