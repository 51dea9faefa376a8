#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Files that hold a trained model: docs/formats/model_file.md. Blocking.
namespace mainstay::decision {

// The file for a model of this content: name and content change together, so that a file never has
// to be told apart from an older one.
std::string ModelFilePath(std::string_view directory, uint64_t content_hash);

// The model; nothing when the file is not there, is damaged, or holds another content.
std::optional<std::string> ReadModelFile(const std::string& path, uint64_t content_hash);

// Writes under another name and renames, so that nobody ever reads a part. Then takes away the
// other files in that directory that have the name of a model: each is megabytes, and of a content
// that is no longer configured. A process that still runs with such a content has its model in
// memory, and trains again when it starts anew. Gives what went wrong; empty when nothing did. A
// file that could not be taken away is no error.
std::string WriteModelFile(const std::string& path, uint64_t content_hash, std::string_view model);

}  // namespace mainstay::decision
