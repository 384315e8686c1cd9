// The commit of one block of results.
#pragma once

#include "plan.hpp"

namespace skipvid {

// Applies the activation to rows of `stride` floats per pixel, compares them with the map by its rule and writes what
// is accepted; sets the pixels' bits in its mask, and notes how far they moved where a gate asks. Blocks of one map may
// be committed from several threads.
void commit_block(const Kernels& kernels, const Activation& activation, CommitMode mode, const Pixels& px, float* rows,
                  int stride, Map& out);

}  // namespace skipvid
