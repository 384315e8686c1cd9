// Zeroed, aligned floats with slack behind them: kernels may read up to one vector past the last value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace skipvid {

class Buffer {
  public:
    Buffer() = default;
    explicit Buffer(size_t floats) : size_(floats) { allocate(); }
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Buffer() { release(); }
    float* data() { return data_; }
    const float* data() const { return data_; }
    float& operator[](size_t i) { return data_[i]; }
    float operator[](size_t i) const { return data_[i]; }
    size_t size() const { return size_; }

  private:
    static constexpr size_t kSlack = 64;  // floats
    static constexpr std::align_val_t kAlignment{64};

    size_t bytes() const { return (size_ + kSlack) * sizeof(float); }
    void swap(Buffer& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(mapped_, other.mapped_);
    }
    void allocate() {
        if (map_pages()) return;
        data_ = static_cast<float*>(::operator new(bytes(), kAlignment));
        std::memset(data_, 0, bytes());
    }

#if defined(__linux__)
    // Large buffers are pages of their own. Walking large maps in small pages costs more address translations than the
    // processor caches, so huge ones are asked for; and what is never touched costs neither time nor memory.
    static constexpr size_t kHugePage = size_t{2} << 20;

    bool map_pages() {
        if (bytes() < kHugePage) return false;
        const size_t length = bytes() + kHugePage;
        void* memory = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        madvise(memory, length, MADV_HUGEPAGE);  // a wish: nothing depends on its being granted
        mapped_ = memory;
        const auto address = reinterpret_cast<uintptr_t>(memory);
        data_ = reinterpret_cast<float*>((address + kHugePage - 1) / kHugePage * kHugePage);
        return true;
    }
    void release() {
        if (mapped_ != nullptr)
            munmap(mapped_, bytes() + kHugePage);
        else if (data_ != nullptr)
            ::operator delete(data_, kAlignment);
    }
#else
    bool map_pages() { return false; }
    void release() {
        if (data_ != nullptr) ::operator delete(data_, kAlignment);
    }
#endif

    float* data_ = nullptr;
    size_t size_ = 0;
    void* mapped_ = nullptr;
};

}  // namespace skipvid
