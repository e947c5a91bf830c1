#pragma once
// SHA-256 (FIPS 180-4), for identities in certificates and caches.

#include <string>
#include <string_view>

namespace isamorph::verify {

/// 64 lower-case hexadecimal digits.
std::string sha256(std::string_view text);

} // namespace isamorph::verify
