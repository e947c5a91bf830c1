#pragma once
// SHA-256 (FIPS 180-4), for identities in certificates and caches.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace isamorph::verify {

/// 64 lower-case hexadecimal digits.
std::string sha256(std::string_view text);

/// A fast checksum of at most 32768 bytes: the byte count plus the sum of the products of the two
/// halves of each little-endian word of 64 bits, after a fixed key for its position (the outputs of
/// splitmix64 from 0) is mixed in, as the NH family of universal hashes does. Digests of 2^32
/// results are made of it.
std::uint64_t block_checksum(std::span<const std::byte> bytes);

} // namespace isamorph::verify
