#include "arrow_stream.hpp"

#include <cerrno>

extern "C" {

// As the interface declares them, name by name.
struct ArrowSchema {
    const char* format;
    const char* name;
    const char* metadata;
    std::int64_t flags;
    std::int64_t n_children;
    ArrowSchema** children;
    ArrowSchema* dictionary;
    void (*release)(ArrowSchema*);
    void* private_data;
};

struct ArrowArray {
    std::int64_t length;
    std::int64_t null_count;
    std::int64_t offset;
    std::int64_t n_buffers;
    std::int64_t n_children;
    const void** buffers;
    ArrowArray** children;
    ArrowArray* dictionary;
    void (*release)(ArrowArray*);
    void* private_data;
};

struct ArrowArrayStream {
    int (*get_schema)(ArrowArrayStream*, ArrowSchema*);
    int (*get_next)(ArrowArrayStream*, ArrowArray*);
    const char* (*get_last_error)(ArrowArrayStream*);
    void (*release)(ArrowArrayStream*);
    void* private_data;
};
}

namespace levcore::bindings {
namespace {

namespace py = pybind11;

constexpr std::int64_t nullable = 2;

// What a schema or an array of the interface needs to stay valid: its column, and room for pointers.
template <class Structure>
struct Held {
    std::shared_ptr<const ArrowColumn> column;
    std::vector<const void*> buffers;
    std::vector<std::unique_ptr<Structure>> parts;  // children, then the dictionary
    std::vector<Structure*> children;

    Held() = default;
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    // A part without a release was moved elsewhere by the consumer, as the interface allows.
    ~Held() {
        for (auto& part : parts)
            if (part->release != nullptr) part->release(part.get());
    }
};

template <class Structure>
void release(Structure* structure) {
    delete static_cast<Held<Structure>*>(structure->private_data);
    structure->release = nullptr;
}

void fill(ArrowSchema& out, const std::shared_ptr<const ArrowColumn>& column, Held<ArrowSchema>& /*held*/) {
    out.format = column->format.c_str();
    out.name = column->name.c_str();
    out.metadata = column->metadata.empty() ? nullptr : column->metadata.c_str();
    out.flags = nullable;
}

void fill(ArrowArray& out, const std::shared_ptr<const ArrowColumn>& column, Held<ArrowArray>& held) {
    held.buffers = column->buffers;
    out.length = column->length;
    out.null_count = column->null_count;
    out.offset = 0;
    out.n_buffers = static_cast<std::int64_t>(held.buffers.size());
    out.buffers = held.buffers.data();
}

template <class Structure>
void make(Structure& out, const std::shared_ptr<const ArrowColumn>& column) {
    auto held = std::make_unique<Held<Structure>>();
    held->column = column;
    out = {};
    fill(out, column, *held);
    const auto add = [&](const std::shared_ptr<const ArrowColumn>& part) {
        held->parts.push_back(std::make_unique<Structure>());
        make(*held->parts.back(), part);
        return held->parts.back().get();
    };
    for (const auto& child : column->children) held->children.push_back(add(child));
    if (column->dictionary) out.dictionary = add(column->dictionary);
    out.n_children = static_cast<std::int64_t>(held->children.size());
    out.children = held->children.data();
    out.release = &release<Structure>;
    out.private_data = held.release();
}

struct Stream {
    std::shared_ptr<const ArrowColumn> table;
    bool is_read = false;
};

Stream& of(ArrowArrayStream* stream) { return *static_cast<Stream*>(stream->private_data); }

template <class Structure>
int hand_over(Structure* out, const std::shared_ptr<const ArrowColumn>& column) {
    try {
        make(*out, column);
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    }
    return 0;
}

int get_schema(ArrowArrayStream* stream, ArrowSchema* out) { return hand_over(out, of(stream).table); }

int get_next(ArrowArrayStream* stream, ArrowArray* out) {
    if (of(stream).is_read) {
        out->release = nullptr;  // the interface's word for the end
        return 0;
    }
    of(stream).is_read = true;
    return hand_over(out, of(stream).table);
}

const char* get_last_error(ArrowArrayStream* /*stream*/) { return nullptr; }

void release_stream(ArrowArrayStream* stream) {
    delete static_cast<Stream*>(stream->private_data);
    stream->release = nullptr;
}

void destroy(PyObject* capsule) {
    auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, "arrow_array_stream"));
    if (stream->release != nullptr) stream->release(stream);
    delete stream;
}

}  // namespace

py::capsule arrow_stream(std::shared_ptr<const ArrowColumn> table) {
    auto state = std::make_unique<Stream>(Stream{std::move(table)});
    auto stream = std::make_unique<ArrowArrayStream>();
    *stream = {&get_schema, &get_next, &get_last_error, &release_stream, state.get()};
    auto* made = PyCapsule_New(stream.get(), "arrow_array_stream", &destroy);
    if (made == nullptr) throw py::error_already_set();
    (void)state.release();
    (void)stream.release();
    return py::reinterpret_steal<py::capsule>(made);
}

}  // namespace levcore::bindings
