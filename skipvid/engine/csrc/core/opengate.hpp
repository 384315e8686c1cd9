// Open gates: which output pixels of a convolution are worth computing, decided before it runs. The rule is written
// down at OpenGate in skipvid/gates/settings.py.
#pragma once

#include "../kernels/kernels.hpp"
#include "buffer.hpp"
#include "footprint.hpp"
#include "relief.hpp"

namespace skipvid {

struct OpenRule {
    int op = 0;
    Axis vertical, horizontal;  // the convolution's windows
    float limit = 0.0f;         // sums of a window that stay closed; below 0: none
    bool accumulate = true;     // closed pixels add up what they did not follow
    int structure = 1;          // side of the blocks that open as a whole
};

// L1 norms, per pixel of a map, of what the frame committed to it; 0 where it committed nothing.
struct Residual {
    Buffer norm;  // (height, width); empty where no gate asks for it

    bool wanted() const { return norm.size() != 0; }
    void want(int height, int width) {
        if (!wanted()) norm = Buffer(static_cast<size_t>(height) * width);
    }
    void note(int y, int x, int width, float moved) { norm[static_cast<size_t>(y) * width + x] = moved; }
    // Forgets what was committed to the pixels of `changed`.
    void clear(const BitMap& changed);
};

// What the closed output pixels of one convolution remember.
class OpenGate {
  public:
    // `cells`: where limits are coarser, of the output map.
    OpenGate(int height, int width, const Cells& cells)
        : cells_(cells), stride_(round_up(width, 64)), sums_(static_cast<size_t>(height) * stride_) {}
    // From the output pixels that a change reaches to those to compute, which no longer remember anything. `height` and
    // `width` are of the input map; `ask`: pixels whose cell has become finer are asked again, by what they remember.
    void open(const OpenRule& rule, const Residual& residual, int height, int width, const Kernels& kernels,
              int threads, bool ask, BitMap& active);
    // These pixels are computed without being asked.
    void computed(const BitMap& active);

  private:
    const Cells& cells_;
    int stride_;  // of a row: whole words of a mask
    Buffer sums_;
};

// Sets every pixel of the blocks, counted from the upper left corner, that hold a set one. `side` divides 64.
void spread_blocks(BitMap& map, int side);

}  // namespace skipvid
