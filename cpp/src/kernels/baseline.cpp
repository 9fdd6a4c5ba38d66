#include "levcore/kernels.hpp"
#include "levcore/simd.hpp"

namespace levcore::baseline {
#include "normals.inc.hpp"
}  // namespace levcore::baseline
