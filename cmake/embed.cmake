# Writes OUTPUT: a C++ source that holds the text of INPUT as isamorph::embedded::SYMBOL.
file(READ "${INPUT}" hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
string(REGEX REPLACE "((....','|.......){16})" "\\1\n" bytes "${bytes}")
file(WRITE "${OUTPUT}" "namespace isamorph::embedded {\nextern const char ${SYMBOL}[];\nconst char ${SYMBOL}[] = {${bytes}0};\n} // namespace isamorph::embedded\n")
