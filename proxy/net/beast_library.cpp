// The one translation unit that holds Beast's own code (BOOST_BEAST_SEPARATE_COMPILATION), so that others compile
// faster.
#include <boost/beast/src.hpp>
