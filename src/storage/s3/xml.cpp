#include "storage/s3/xml.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

#include "util/text.hpp"

namespace davit::storage::s3 {
namespace {

constexpr int kDeepest = 32;

void append_utf8(std::string& out, std::uint32_t point) {
  const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(static_cast<unsigned char>(value)); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xc0 | (point >> 6U));
    byte(0x80 | (point & 0x3fU));
  } else if (point < 0x10000) {
    byte(0xe0 | (point >> 12U));
    byte(0x80 | ((point >> 6U) & 0x3fU));
    byte(0x80 | (point & 0x3fU));
  } else {
    byte(0xf0 | (point >> 18U));
    byte(0x80 | ((point >> 12U) & 0x3fU));
    byte(0x80 | ((point >> 6U) & 0x3fU));
    byte(0x80 | (point & 0x3fU));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<XmlElement> parse() {
    TRY(skip_between());
    TRY_ASSIGN(root, element(1));
    TRY(skip_between());
    if (!rest_.empty()) return malformed("something follows its root");
    return root;
  }

 private:
  static std::unexpected<Error> malformed(std::string_view why) {
    return fail(Errc::failed, "parse XML: " + std::string(why));
  }
  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  // Everything up to `token`, which is taken too.
  Result<std::string_view> take_until(std::string_view token) {
    const std::size_t end = rest_.find(token);
    if (end == std::string_view::npos) return malformed("it ends inside of markup");
    const std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(end + token.size());
    return taken;
  }
  // Comments and processing instructions; whether there was one.
  Result<bool> skip_markup() {
    if (take("<?")) {
      TRY(take_until("?>"));
    } else if (take("<!--")) {
      TRY(take_until("-->"));
    } else {
      return false;
    }
    return true;
  }
  Result<> skip_between() {
    take("\xef\xbb\xbf");
    for (;;) {
      rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
      TRY_ASSIGN(skipped, skip_markup());
      if (!skipped) return {};
    }
  }

  Result<XmlElement> element(int depth) {
    if (depth > kDeepest) return malformed("it is too deep");
    if (!take("<")) return malformed("there is no element");
    const std::size_t end = rest_.find_first_of(" \t\r\n/>");
    if (end == std::string_view::npos || end == 0 || rest_.front() == '!') return malformed("an element has no name");
    const std::string_view full_name = rest_.substr(0, end);
    rest_.remove_prefix(end);
    XmlElement found;
    found.name = full_name.substr(full_name.find(':') == std::string_view::npos ? 0 : full_name.find(':') + 1);
    TRY_ASSIGN(empty, skip_attributes());
    if (empty) return found;
    TRY(contents(found, depth));
    TRY_ASSIGN(closing, take_until(">"));
    if (trim(closing) != full_name) return malformed("an element is closed by another's name");
    return found;
  }

  // Behind the name of an element; whether it is empty ("/>").
  Result<bool> skip_attributes() {
    while (!rest_.empty()) {
      if (take("/>")) return true;
      if (take(">")) return false;
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"' || c == '\'') TRY(take_until(std::string_view(&c, 1)));
    }
    return malformed("it ends inside of an element");
  }

  // Up to and with the "</" of the element that they are in.
  Result<> contents(XmlElement& into, int depth) {
    while (!rest_.empty()) {
      if (take("</")) return {};
      if (take("<![CDATA[")) {
        TRY_ASSIGN(raw, take_until("]]>"));
        into.text += raw;
        continue;
      }
      TRY_ASSIGN(skipped, skip_markup());
      if (skipped) continue;
      if (rest_.front() == '<') {
        TRY_ASSIGN(inner, element(depth + 1));
        into.children.push_back(std::move(inner));
        continue;
      }
      const std::string_view raw = rest_.substr(0, rest_.find('<'));
      rest_.remove_prefix(raw.size());
      TRY(append_text(into.text, raw));
    }
    return malformed("it ends inside of an element");
  }

  static Result<> append_text(std::string& out, std::string_view raw) {
    while (!raw.empty()) {
      const std::size_t amp = std::min(raw.find('&'), raw.size());
      out += raw.substr(0, amp);
      raw.remove_prefix(amp);
      if (raw.empty()) break;
      const std::size_t end = raw.find(';');
      if (end == std::string_view::npos) return malformed("an entity has no end");
      TRY(append_entity(out, raw.substr(1, end - 1)));
      raw.remove_prefix(end + 1);
    }
    return {};
  }

  static Result<> append_entity(std::string& out, std::string_view name) {
    constexpr std::array<std::pair<std::string_view, char>, 5> kNamed{
        {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
    for (const auto& [entity, c] : kNamed)
      if (name == entity) {
        out += c;
        return {};
      }
    if (!name.starts_with('#')) return malformed("an entity is unknown");
    name.remove_prefix(1);
    const bool hex = name.starts_with('x') || name.starts_with('X');
    if (hex) name.remove_prefix(1);
    std::uint32_t point = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), point, hex ? 16 : 10);
    if (error != std::errc{} || end != name.data() + name.size() || point == 0 || point > 0x10ffff ||
        (point >= 0xd800 && point < 0xe000))
      return malformed("a character reference is none");
    append_utf8(out, point);
    return {};
  }

  std::string_view rest_;
};

}  // namespace

const XmlElement* XmlElement::child(std::string_view child_name) const {
  const auto found = std::ranges::find(children, child_name, &XmlElement::name);
  return found == children.end() ? nullptr : &*found;
}

std::string_view XmlElement::text_of(std::string_view child_name) const {
  const XmlElement* found = child(child_name);
  return found == nullptr ? std::string_view() : std::string_view(found->text);
}

Result<XmlElement> parse_xml(std::string_view text) { return Parser(text).parse(); }

std::string escape_xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

}  // namespace davit::storage::s3
