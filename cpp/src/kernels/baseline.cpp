#include "levcore/kernels.hpp"
#include "levcore/simd.hpp"

namespace levcore::baseline {
#include "exponentials.inc.hpp"
#include "falls.inc.hpp"
#include "logs.inc.hpp"
#include "normals.inc.hpp"
#include "prices.inc.hpp"
#include "walks.inc.hpp"
}  // namespace levcore::baseline
