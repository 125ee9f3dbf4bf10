// The one translation unit that holds Asio's own code (BOOST_ASIO_SEPARATE_COMPILATION), so that others compile faster.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
