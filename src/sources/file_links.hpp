#pragma once
// Symbolic links among the files of a project: a link alone brings nothing back, so what it leads to is backed up with
// it where that lies beside it, and else the plan says that it isn't.

#include <map>
#include <string>
#include <vector>

#include "sources/files_plan.hpp"

namespace davit::sources {

// What each link of a place holds, as absolute path of the Engine's host: `directory` is the place. Text only: a link
// among the directories above it is not followed.
using LinkTargets = std::map<std::string, std::string>;
[[nodiscard]] Result<LinkTargets> link_targets(helper::Session& session, const std::string& directory,
                                               const std::vector<std::string>& links);

// Asks for what the links of groups[which] lead to below the directory of that group, unless a group or a bind mount
// takes it anyway. `seen` is the probe of the group's paths. True if there is more to probe now.
[[nodiscard]] bool add_link_targets(std::vector<FileGroup>& groups, std::size_t which, const helper::Probe& seen,
                                    const LinkTargets& targets, const std::vector<BindCandidate>& binds);
// Says of what is left where it leads. Errc::usage for a link that was asked for.
[[nodiscard]] Result<> report_links(Plan& plan, const std::vector<FileGroup>& groups, std::size_t which,
                                    const helper::Probe& seen, const LinkTargets& targets,
                                    const std::vector<BindCandidate>& binds);

}  // namespace davit::sources
