#include "levcore/kernels.hpp"
#include "levcore/simd.hpp"

namespace levcore::avx2 {
#include "exponentials.inc.hpp"
#include "falls.inc.hpp"
#include "logs.inc.hpp"
#include "normals.inc.hpp"
#include "prices.inc.hpp"
#include "trades.inc.hpp"
#include "walks.inc.hpp"
#include "walks_watched.inc.hpp"
}  // namespace levcore::avx2
