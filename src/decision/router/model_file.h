#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Files that hold a trained model. Format, version 1: the eight bytes "MSTFTM01", then three
// numbers of 64 bits, little-endian (content hash, size of the model, XXH3 of the model), then the
// model as fastText writes it. Blocking.
namespace mainstay::decision {

// The file for a model of this content: name and content change together, so that a file never has
// to be told apart from an older one.
std::string ModelFilePath(std::string_view directory, uint64_t content_hash);

// The model; nothing when the file is not there, is damaged, or holds another content.
std::optional<std::string> ReadModelFile(const std::string& path, uint64_t content_hash);

// Writes under another name and renames, so that nobody ever reads a part. Gives what went wrong;
// empty when nothing did.
std::string WriteModelFile(const std::string& path, uint64_t content_hash, std::string_view model);

}  // namespace mainstay::decision
