#pragma once
// As much XML as S3's answers need: elements and text. Attributes, comments and processing instructions are skipped;
// document types, which S3 does not send, are refused. Pure.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit::storage::s3 {

struct XmlElement {
  std::string name;  // without a namespace's prefix
  std::string text;  // all text directly in it
  std::vector<XmlElement> children;

  // The first child of that name; nullptr if there is none.
  [[nodiscard]] const XmlElement* child(std::string_view child_name) const;
  // The text of that child; empty if there is none.
  [[nodiscard]] std::string_view text_of(std::string_view child_name) const;
};

// The root element. Errc::failed for what is no well-formed XML, and for more than 32 levels.
[[nodiscard]] Result<XmlElement> parse_xml(std::string_view text);
// Text for an element: & < > as entities.
[[nodiscard]] std::string escape_xml(std::string_view text);

}  // namespace davit::storage::s3
